/** whether a link works, is on its way, or does not */
export type Tone = 'good' | 'busy' | 'bad';
