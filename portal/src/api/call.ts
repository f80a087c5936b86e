// The one way to the server: same origin, the session's cookie, the session's token on changes, answers checked.
import * as v from 'valibot';
import type { Operation } from './operation.ts';

/** A rule of the server that the sent body breaks, by JSON pointer. */
export interface FieldProblem {
  pointer: string;
  code: string;
}

/** What the server said when it did not do it (RFC 9457), or that it did not answer. */
export class CallError extends Error {
  constructor(
    /** HTTP status; 0 when no answer came. */
    readonly status: number,
    /** The server's stable code; `offline` and `unexpected` are this side's. */
    readonly code: string,
    readonly fields: FieldProblem[] = [],
    /** What to quote to the clinic's administrator. */
    readonly requestId?: string,
    readonly retryAfterS?: number,
  ) {
    super(code);
  }
}

export interface Options<Body> {
  path?: Record<string, string>;
  query?: Record<string, string | number | undefined>;
  body?: Body;
  /** The ETag that was read; a change of anything newer is refused. */
  ifMatch?: string;
  /** Makes a repeated request give the first answer. */
  idempotencyKey?: string;
  /** The page asks it again by itself, so an answer alone says nothing about somebody being there. */
  repeats?: true;
  signal?: AbortSignal;
}

export interface Answer<T> {
  data: T;
  etag: string;
}

const ProblemBody = v.object({
  code: v.optional(v.string(), 'unexpected'),
  instance: v.nullish(v.string()),
  errors: v.optional(v.array(v.object({ pointer: v.string(), code: v.string() })), []),
});

let csrfToken = '';
let onAnswer: (about: { repeats?: true }) => void = () => {};
let onSessionEnd: () => void = () => {};

/** The token that proves a change comes from this page; kept in memory only. */
export function keepCsrfToken(token: string): void {
  csrfToken = token;
}

/** Who is told that the server has seen the session, and that it has ended. */
export function listen(answered: typeof onAnswer, ended: () => void): void {
  onAnswer = answered;
  onSessionEnd = ended;
}

/** The ETag of what was read in a list. */
export const versionTag = ({ version }: { version: number }) => `"v${version}"`;

/** Calls an operation; throws a CallError unless it was done. */
export async function call<Body, T>(operation: Operation<Body, T>, options: Options<Body> = {}): Promise<Answer<T>> {
  const response = await ask(operation, options);
  const etag = response.headers.get('etag') ?? '';
  if (!operation.answer || response.status === 204) return { data: undefined as T, etag };
  const parsed = v.safeParse(operation.answer, await response.json().catch(() => undefined));
  if (!parsed.success) throw new CallError(response.status, 'unexpected');
  return { data: parsed.output, etag };
}

/**
 * Whether the server has looked at it and said no: what is sent then is another attempt. Of what never arrived, or broke on the
 * way back, nobody here knows whether it was done; the same key says that it is the same again.
 */
export const isRefused = (error: unknown): boolean =>
  error instanceof CallError && error.status >= 400 && error.status < 500;

/** Whether somebody changed it since it was read, which is no failure but asks what to do. */
export const isStale = (error: unknown): boolean => error instanceof CallError && error.status === 412;

/** Calls an operation that answers with text; nothing while the server has accepted the question and has no answer yet. */
export async function callText(operation: Operation<undefined, undefined>, path: Record<string, string>) {
  const response = await ask(operation, { path });
  return response.status === 202 ? undefined : response.text();
}

/** Asks, and throws a CallError unless the server did it. */
async function ask<Body>(operation: Operation<Body, unknown>, options: Options<Body>): Promise<Response> {
  const headers = new Headers({ accept: 'application/json' });
  if (options.body !== undefined) headers.set('content-type', 'application/json');
  if (operation.method !== 'GET' && csrfToken) headers.set('x-csrf-token', csrfToken);
  if (options.ifMatch) headers.set('if-match', options.ifMatch);
  if (options.idempotencyKey) headers.set('idempotency-key', options.idempotencyKey);
  let response: Response;
  try {
    // biome-ignore lint/style/noRestrictedGlobals: the one place that calls it
    response = await fetch(address(operation.path, options), {
      method: operation.method,
      headers,
      body: options.body === undefined ? null : JSON.stringify(options.body),
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
      signal: options.signal ?? null,
    });
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw new CallError(0, 'offline');
  }
  if (!response.ok) throw await refused(response);
  onAnswer(options);
  return response;
}

/** Sends bytes, telling how many have left; the only way that a browser tells. Ending the signal ends the sending. */
export function send(
  operation: Operation<undefined, undefined>,
  path: Record<string, string>,
  bytes: Blob,
  { signal, progress }: { signal: AbortSignal; progress: (sentBytes: number) => void },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(operation.method, address(operation.path, { path }));
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.setRequestHeader('x-csrf-token', csrfToken);
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onerror = () => reject(new CallError(0, 'offline'));
    request.onabort = () => reject(new CallError(0, 'cancelled'));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        onAnswer({});
        resolve();
        return;
      }
      const retry = request.getResponseHeader('retry-after');
      const headers = retry ? { 'retry-after': retry } : undefined;
      const answer = new Response(request.responseText, { status: request.status, ...(headers && { headers }) });
      refused(answer).then(reject, reject);
    };
    signal.addEventListener('abort', () => request.abort(), { once: true });
    if (signal.aborted) reject(new CallError(0, 'cancelled'));
    else request.send(bytes);
  });
}

function address<Body>(path: string, { path: values = {}, query = {} }: Options<Body>): string {
  const filled = path.replace(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(values[name] ?? ''));
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return pairs.length > 0 ? `${filled}?${new URLSearchParams(pairs)}` : filled;
}

async function refused(response: Response): Promise<CallError> {
  const parsed = v.safeParse(ProblemBody, await response.json().catch(() => ({})));
  const problem = parsed.success ? parsed.output : { code: 'unexpected', instance: undefined, errors: [] };
  if (response.status === 401 && problem.code === 'unauthenticated') onSessionEnd();
  const retry = Number(response.headers.get('retry-after')) || undefined;
  return new CallError(
    response.status,
    problem.code,
    problem.errors,
    problem.instance ?? response.headers.get('x-request-id') ?? undefined,
    retry,
  );
}
