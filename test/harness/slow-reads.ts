/**
 * From now on files are read slowly beyond that octet, so that what is sent stays under way for as long as somebody needs to break it off, until
 * {@link readOn} is called. Refers to nothing around it and takes its argument second, so that it can be evaluated in the process of an app.
 */
export function slowReads(_app: unknown, from: number): void {
  const fs = process.getBuiltinModule('node:fs');
  const { syncBuiltinESMExports } = process.getBuiltinModule('node:module');
  const { read } = fs;
  const held = new Map<() => void, NodeJS.Timeout>();
  const put = (replacement: unknown): void => {
    Object.assign(fs, { read: replacement });
    syncBuiltinESMExports();
  };
  type Done = (error: NodeJS.ErrnoException | null, count: number) => void;
  put((fd: number, into: NodeJS.ArrayBufferView, offset: number, length: number, at: number, done: Done) => {
    if (at < from) return read(fd, into, offset, length, at, done);
    const go = (): void => {
      held.delete(go);
      read(fd, into, offset, length, at, done);
    };
    held.set(go, setTimeout(go, 500));
  });
  const readOn = (): void => {
    put(read);
    for (const [go, timer] of held) {
      clearTimeout(timer);
      go();
    }
  };
  Object.assign(globalThis, { readOn });
}

export function readOn(): void {
  (globalThis as unknown as { readOn: () => void }).readOn();
}
