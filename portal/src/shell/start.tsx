// What every entry starts with: the stylesheet, the words, the cache of answers in memory.
import '../ui/base.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { CallError } from '../api/call.ts';
import { type Loaders, TextProvider } from '../text/text.tsx';

/** How often a read that failed on the way is tried again. */
const RETRIES_MAX = 2;

/** An answer of the server is final; only what did not arrive, or a server that asks to wait, is tried again. */
function worthAnotherTry(failures: number, error: unknown): boolean {
  const status = error instanceof CallError ? error.status : 0;
  return failures < RETRIES_MAX && error instanceof CallError && (status === 0 || status === 503);
}

export function start(loaders: Loaders, app: (queries: QueryClient) => ReactNode): void {
  const queries = new QueryClient({
    defaultOptions: {
      // Patients' data is asked for when it is shown and forgotten when it is not.
      // Without a connection a question fails and says so; else it would wait, without a word, for there to be one.
      queries: { retry: worthAnotherTry, staleTime: 0, gcTime: 0, refetchOnWindowFocus: false, networkMode: 'always' },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
  const root = document.getElementById('root');
  if (!root) return;
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <TextProvider loaders={loaders}>{app(queries)}</TextProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
}
