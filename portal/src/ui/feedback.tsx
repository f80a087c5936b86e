// What is shown instead of content: waiting, nothing there, and what went wrong with what to do about it.
import type { ReactNode } from 'react';
import { CallError } from '../api/call.ts';
import { type Key, useText } from '../text/text.tsx';
import { Button } from './button.tsx';

/** A framed message; `alert` is read out at once. */
export function Notice({
  kind,
  title,
  children,
}: {
  kind: 'info' | 'good' | 'warn' | 'bad';
  title?: string;
  children?: ReactNode;
}) {
  return (
    <div className={`notice ${kind}`} role={kind === 'bad' || kind === 'warn' ? 'alert' : 'status'}>
      {title && <p className="notice-title">{title}</p>}
      {children}
    </div>
  );
}

/** Grey lines where content will be. */
export function Loading({ lines = 4 }: { lines?: number }) {
  const { t } = useText();
  return (
    <div className="loading" role="status">
      <span className="visually-hidden">{t('loading')}</span>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike
        <span className="skeleton" key={line} aria-hidden="true" />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <svg viewBox="0 0 48 48" aria-hidden="true">
        <path d="M8 23 24 10l16 13v15a2 2 0 0 1-2 2H10a2 2 0 0 1-2-2z" />
        <path d="M20 40V28h8v12" />
      </svg>
      <p className="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** The words for an error: the code's own ones if there are some, else those of its status. */
export function useErrorText(): (error: unknown) => string {
  const { t, has } = useText();
  return (error) => {
    if (!(error instanceof CallError)) return t('error.unexpected');
    const own = `error.${error.code}`;
    if (has(own)) return t(own, { seconds: error.retryAfterS ?? 5 });
    const known: Record<number, Key> = { 0: 'error.offline', 403: 'error.forbidden', 404: 'error.not_found' };
    const key = known[error.status] ?? (error.status >= 500 ? 'error.unavailable' : 'error.unexpected');
    return t(key, { seconds: error.retryAfterS ?? 5 });
  };
}

/** What went wrong, what to quote, and another try. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useText();
  const text = useErrorText();
  const id = error instanceof CallError ? error.requestId : undefined;
  return (
    <Notice kind="bad" title={text(error)}>
      {id && (
        <p className="quiet-text">
          {t('error.request_id')} <code>{id}</code>
        </p>
      )}
      {retry && <Button onClick={retry}>{t('retry')}</Button>}
    </Notice>
  );
}
