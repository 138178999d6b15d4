type Method<P, R> = (params: P) => Promise<R>;

/** Methods of the contract over what an account at work consists of. @param core rejects while it is not at work */
export function methodsOf<Parts>(core: () => Promise<Parts>) {
  return {
    call:
      <P, R>(act: (parts: Parts, params: P) => R | Promise<R>): Method<P, R> =>
      async (params) =>
        act(await core(), params),
    /** one that answers nothing */
    order:
      <P>(act: (parts: Parts, params: P) => void | Promise<void>): Method<P, Record<string, never>> =>
      async (params) => {
        await act(await core(), params);
        return {};
      },
  };
}
