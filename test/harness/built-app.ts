import { ensureApp } from '../../build/bootstrap/app.mjs';

/** Before tests that open the page or the app: what is in out/ is what the sources say, whoever started them. */
export default async function setup(): Promise<void> {
  await ensureApp();
}
