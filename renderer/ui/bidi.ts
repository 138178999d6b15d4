const FIRST_STRONG_ISOLATE = '\u2068';
const POP_ISOLATE = '\u2069';
/** right-to-left letters, and the controls that change direction */
const TURNS =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const CONTROLS = /[\u202a-\u202e\u2066-\u2069]/g;

/** A name for use within a sentence, which it cannot turn round: its own controls are dropped and it is isolated where it needs to be. */
export function isolated(name: string): string {
  return TURNS.test(name) ? `${FIRST_STRONG_ISOLATE}${name.replace(CONTROLS, '')}${POP_ISOLATE}` : name;
}
