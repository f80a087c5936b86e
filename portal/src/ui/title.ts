// The title in the browser's bar, which the browser keeps: only ever the screen's own words.
import { useEffect } from 'react';

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Domicile`;
  }, [title]);
}
