// That every word of a screen comes from the catalog: the pseudo-locale brackets those, and what the server said is data.

import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { dataPattern, isBare, isData } from './bare.ts';

/** What shows a text besides its own: for whoever listens, and where a table is narrow. */
const ATTRIBUTES = [
  'aria-label',
  'aria-description',
  'aria-valuetext',
  'data-label',
  'label',
  'placeholder',
  'title',
  'alt',
];
/** Never translated: data by their kind, and languages, each of which is called by its own name. */
const DATA = 'bdi, code, noscript, script, style, .brand, option[lang], .menu-item[lang]';
/** What the browser calls the countries of the regions (`country` in `src/text/text.tsx`). */
const COUNTRIES = ['US', 'IN'].map((code) => new Intl.DisplayNames('en', { type: 'region' }).of(code) ?? code);

/** Members that are names whatever they look like. */
const NAMES = new Set(['slug', 'login', 'asked_by', 'name', 'display_name', 'legal_name', 'label', 'title']);

function collect(said: unknown, into: Set<string>, member = ''): void {
  if (typeof said === 'string') {
    if (isData(said) || NAMES.has(member)) into.add(said);
  } else if (Array.isArray(said)) {
    for (const part of said) collect(part, into, member);
  } else if (said && typeof said === 'object') {
    for (const [name, part] of Object.entries(said)) collect(part, into, name);
  }
}

/** Listens to what the server says to a page from now on, and gives the look that finds every other word there. */
export function translatedLook(page: Page): (page: Page, what: string) => Promise<void> {
  const data = new Set(['Domicile', ...COUNTRIES]);
  const coming: Promise<void>[] = [];
  page.on('response', (response) => {
    if (!/json/.test(response.headers()['content-type'] ?? '')) return;
    // Of an answer to a page that is gone there is nothing to be read any more.
    coming.push(
      response.json().then(
        (said) => collect(said, data),
        () => undefined,
      ),
    );
  });
  return async (seen, what) => {
    await seen.locator('.skeleton').first().waitFor({ state: 'detached' });
    const [texts, place] = await seen.evaluate(
      ([attributes, kinds]) => {
        const found = [document.title];
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode())
          if (!node.parentElement?.closest(kinds as string)) found.push(node.textContent ?? '');
        for (const name of attributes as string[])
          for (const one of document.querySelectorAll(`body [${name}]`)) found.push(one.getAttribute(name) ?? '');
        const { clinic, region } = document.documentElement.dataset;
        return [found, [clinic ?? '', region ?? '']] as const;
      },
      [ATTRIBUTES, DATA] as const,
    );
    await Promise.all(coming);
    const pattern = dataPattern([...data, ...place].filter(Boolean));
    expect(
      texts.filter((text) => isBare(text, pattern)).map((text) => text.trim()),
      what,
    ).toEqual([]);
  };
}
