// Starts the platform console.
import '../ui/console.css';
import { start } from '../shell/start.tsx';
import { PlatformApp } from './app.tsx';

start(
  {
    en: () => import('./text/en.ts').then((module) => module.catalog),
    hi: () => import('./text/hi.ts').then((module) => module.catalog),
    es: () => import('./text/es.ts').then((module) => module.catalog),
  },
  (queries) => <PlatformApp queries={queries} />,
);
