/**
 * What both hosts (Node and a browser) offer and `shared/` may use beyond ECMAScript itself.
 * Seen only by the type-check of this layer; the others bring their platform's own types.
 */
declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: Uint8Array): string;
}
declare function btoa(binary: string): string;
declare function atob(base64: string): string;
declare function setTimeout(run: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;
declare const crypto: { getRandomValues<T extends Uint8Array>(into: T): T; randomUUID(): string };
declare class URL {
  constructor(text: string);
  readonly hostname: string;
}
