export { chunkSizeFor } from '../../msrp/chunk-size.ts';
