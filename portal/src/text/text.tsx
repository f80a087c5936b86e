// Words, dates and names in the reader's language and the region's forms.
import { createContext, type ReactNode, use, useEffect, useMemo, useState } from 'react';
import { JURISDICTION } from '../place.ts';
import type { clinic } from './en/clinic.ts';
import type { common } from './en/common.ts';
import type { log } from './en/log.ts';
import type { looks } from './en/looks.ts';
import type { office } from './en/office.ts';
import type { patient } from './en/patient.ts';
import type { platform } from './en/platform.ts';
import type { staff } from './en/staff.ts';
import { fill, type Values } from './fill.ts';
import { pseudo } from './pseudo.ts';

export type Key =
  | keyof typeof common
  | keyof typeof clinic
  | keyof typeof staff
  | keyof typeof office
  | keyof typeof patient
  | keyof typeof looks
  | keyof typeof log
  | keyof typeof platform;
export type Catalog = Partial<Record<Key, string>>;

export const LANGUAGES = { en: 'English', hi: 'हिन्दी', es: 'Español' } as const;
export type Language = keyof typeof LANGUAGES;
/** English with accents and brackets: what is shown without them was never translated. For tests. */
const PSEUDO = 'en-XA';
const COOKIE = '__Host-domicile-language';

/** One function a language, so that only the one in use is loaded. */
export type Loaders = Record<Language, () => Promise<Catalog>>;

export interface Text {
  language: Language;
  choose: (language: Language) => void;
  t: (key: Key, values?: Values) => string;
  /** Whether there are words for a key that the server made up. */
  has: (key: string) => key is Key;
  date: (iso: string) => string;
  moment: (iso: string) => string;
  number: (value: number) => string;
  /** Names of regions and countries. */
  country: (code: string) => string;
}

const TextContext = createContext<Text | undefined>(undefined);

export function useText(): Text {
  const text = use(TextContext);
  if (!text) throw new Error('outside of TextProvider');
  return text;
}

function isLanguage(value: string): value is Language {
  return Object.hasOwn(LANGUAGES, value);
}

/** The language chosen here before, which a cookie holds and nothing else, or the browser's first known one. */
function preferred(): { language: Language; accented: boolean } {
  const chosen = document.cookie
    .split('; ')
    .find((pair) => pair.startsWith(`${COOKIE}=`))
    ?.slice(COOKIE.length + 1);
  if (chosen === PSEUDO) return { language: 'en', accented: true };
  const wanted = [chosen ?? '', ...navigator.languages.map((one) => one.slice(0, 2))];
  return { language: wanted.find(isLanguage) ?? 'en', accented: false };
}

/** Keeps the choice for the next visit; a language says nothing about a person's health. */
function remember(language: Language): void {
  // biome-ignore lint/suspicious/noDocumentCookie: the language and nothing else; cookieStore is not in every browser
  document.cookie = `${COOKIE}=${language}; Path=/; Secure; SameSite=Strict; Max-Age=31536000`;
}

/** The form of dates and numbers: the reader's language as the region writes it. */
export const formatLocale = (language: Language) => `${language}-${JURISDICTION}`;

export function formats(language: Language) {
  const locale = formatLocale(language);
  const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const number = new Intl.NumberFormat(locale);
  const names = new Intl.DisplayNames(locale, { type: 'region' });
  return {
    // A date without a time has no zone: it must not slip by a day.
    date: (iso: string) => day.format(new Date(`${iso.slice(0, 10)}T00:00:00Z`)),
    moment: (iso: string) => moment.format(new Date(iso)),
    number: (value: number) => number.format(value),
    country: (code: string) => names.of(code) ?? code,
  };
}

export function TextProvider({ loaders, children }: { loaders: Loaders; children: ReactNode }) {
  const [{ language, accented }, setPreferred] = useState(preferred);
  const [catalog, setCatalog] = useState<Catalog>();
  useEffect(() => {
    let current = true;
    loaders[language]().then((loaded) => {
      if (!current) return;
      document.documentElement.lang = language;
      setCatalog(accented ? pseudo(loaded) : loaded);
    });
    return () => {
      current = false;
    };
  }, [loaders, language, accented]);
  const text = useMemo(() => (catalog ? makeText(catalog, language, setPreferred) : undefined), [catalog, language]);
  if (!text) return null;
  return <TextContext value={text}>{children}</TextContext>;
}

function makeText(
  catalog: Catalog,
  language: Language,
  set: (preferred: { language: Language; accented: boolean }) => void,
): Text {
  return {
    language,
    choose: (next) => {
      remember(next);
      set({ language: next, accented: false });
    },
    t: (key, values) => fill(catalog[key] ?? key, values),
    has: (key): key is Key => Object.hasOwn(catalog, key),
    ...formats(language),
  };
}
