// What a generated client line is: an operation's name, method, path and the shape of its answer.
import type { GenericSchema } from 'valibot';

/** One operation of an API. `Body` is what is sent, `Answer` what comes back. */
export interface Operation<Body, Answer> {
  /** The server's name for it, which is also its action in the authorization matrix. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  /** Checks the answer's shape; absent when nothing comes back. */
  readonly answer: GenericSchema<unknown, Answer> | undefined;
  /** Only for the compiler. */
  readonly body?: Body;
}

export function operation<Body, Answer>(
  name: string,
  method: string,
  path: string,
  answer?: GenericSchema<unknown, Answer>,
): Operation<Body, Answer> {
  return { name, method, path, answer };
}
