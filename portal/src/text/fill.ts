// Values put into a sentence.
export type Values = Record<string, string | number>;

/** Puts values into a sentence. They are text and stay text. */
export function fill(sentence: string, values: Values = {}): string {
  return sentence.replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all));
}
