/** Messages of one thread that something is to be done with together, by the keys of their rows. */
export class Selection {
  keys = $state.raw<ReadonlySet<string>>(new Set());
  /** the person is choosing; what is chosen may be nothing yet, or nothing any more */
  active = $state(false);

  toggle(key: string): void {
    this.active = true;
    const next = new Set(this.keys);
    if (!next.delete(key)) next.add(key);
    this.keys = next;
  }

  end(): void {
    this.active = false;
    this.keys = new Set();
  }
}
