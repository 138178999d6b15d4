/** A file that the person picked, as the host looked at it. */
export interface PickedFile {
  readonly path: string;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly modifiedAt: number;
}
