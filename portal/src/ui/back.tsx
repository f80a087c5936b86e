// The way back to what a screen belongs to.
import { Link } from 'wouter';

export function Back({ to, label }: { to: string; label: string }) {
  return (
    <Link className="back" href={to}>
      ← {label}
    </Link>
  );
}
