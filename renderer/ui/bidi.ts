const FIRST_STRONG_ISOLATE = '\u2068';
const POP_ISOLATE = '\u2069';
/** right-to-left letters, and the controls that change direction */
const TURNS =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const CONTROLS = /[\u202a-\u202e\u2066-\u2069]/g;

/** Whether a text holds anything that is not written from left to right. */
export function turns(text: string): boolean {
  return TURNS.test(text);
}

/** A name for use within a sentence, which it cannot turn round: its own controls are dropped and it is isolated where it needs to be. */
export function isolated(name: string): string {
  return turns(name) ? `${FIRST_STRONG_ISOLATE}${name.replace(CONTROLS, '')}${POP_ISOLATE}` : name;
}
