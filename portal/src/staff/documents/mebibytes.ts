// Sizes as they are typed and shown, in mebibytes; the server's are bytes.

const BYTES = 2 ** 20;

export const toMebibytes = (bytes: number): number => bytes / BYTES;

/** Nothing typed is nothing chosen; what is no number is a size that the server refuses. */
export function fromMebibytes(typed: string): number | null {
  const text = typed.trim();
  return text === '' ? null : Math.max(0, Math.round((Number(text.replace(',', '.')) || 0) * BYTES));
}
