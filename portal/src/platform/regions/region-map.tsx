// Where the regions are, and how they and their shards are. The land is a few rough outlines: it says which side of which
// ocean, and no more.
import type { RegionView, ShardView } from '../../api/platform.gen.ts';
import { type Key, useText } from '../../text/text.tsx';
import { HEALTHS, healthOf } from './health.ts';
import { HealthShape } from './health-tag.tsx';

/** Places of cloud regions, as longitude and latitude of the cities they are named after. */
const PLACES: Record<string, [number, number]> = {
  'us-east-1': [-77.5, 39.0],
  'us-east-2': [-83.0, 40.0],
  'us-west-2': [-120.5, 45.8],
  'ca-central-1': [-73.6, 45.5],
  'sa-east-1': [-46.6, -23.5],
  'eu-west-1': [-6.3, 53.3],
  'eu-central-1': [8.7, 50.1],
  'me-central-1': [54.4, 24.5],
  'ap-south-1': [72.9, 19.1],
  'ap-south-2': [78.5, 17.4],
  'ap-southeast-1': [103.8, 1.4],
  'ap-southeast-2': [151.2, -33.9],
  'ap-northeast-1': [139.7, 35.7],
};

const WIDTH = 720;
const HEIGHT = 330;
/** Between the lines beside a region. */
const LINE = 15;
/** The equirectangular projection, without the poles. */
const x = (longitude: number) => ((longitude + 180) / 360) * WIDTH;
const y = (latitude: number) => ((78 - latitude) / 138) * HEIGHT;

/** Outlines as [longitude, latitude, …]. */
const LAND: number[][] = [
  [
    -168, 66, -156, 71, -128, 70, -95, 72, -82, 67, -64, 60, -56, 52, -66, 45, -70, 42, -76, 35, -81, 31, -80, 25, -84,
    30, -97, 27, -97, 20, -90, 21, -88, 16, -83, 10, -78, 9, -85, 12, -95, 16, -105, 20, -112, 28, -117, 33, -124, 41,
    -124, 48, -135, 57, -150, 60, -165, 55, -160, 60,
  ],
  [-52, 60, -43, 60, -22, 70, -20, 76, -55, 76, -55, 68],
  [
    -78, 9, -72, 12, -60, 9, -50, 1, -35, -6, -39, -16, -48, -27, -58, -38, -66, -46, -68, -54, -74, -50, -72, -30, -70,
    -18, -80, -6, -80, 1,
  ],
  [
    -10, 36, -9, 43, -1, 44, -4, 48, 3, 51, 9, 54, 11, 57, 5, 60, 14, 68, 26, 71, 40, 67, 60, 69, 75, 73, 105, 77, 140,
    73, 170, 69, 178, 65, 162, 60, 160, 53, 142, 58, 136, 53, 140, 47, 129, 40, 127, 36, 121, 39, 122, 31, 117, 24, 108,
    21, 106, 10, 100, 13, 103, 2, 98, 9, 94, 17, 90, 22, 80, 14, 77, 8, 73, 18, 68, 24, 57, 26, 50, 30, 56, 24, 59, 22,
    44, 13, 35, 29, 36, 36, 27, 37, 28, 41, 22, 37, 19, 42, 13, 46, 18, 40, 16, 38, 8, 44, 0, 40,
  ],
  [
    -6, 35, 10, 37, 20, 31, 33, 31, 43, 12, 51, 12, 40, -3, 40, -15, 35, -22, 32, -29, 26, -34, 18, -34, 12, -18, 13,
    -8, 9, 4, -8, 4, -17, 14, -13, 28,
  ],
  [114, -22, 122, -18, 130, -12, 137, -12, 142, -11, 146, -19, 153, -26, 150, -37, 141, -38, 131, -32, 116, -35],
  [95, 5, 104, -4, 106, -6, 102, 0],
  [109, 1, 117, 7, 118, 1, 114, -4],
  [131, -1, 141, -3, 148, -9, 138, -8],
  [131, 31, 136, 34, 140, 36, 142, 43, 145, 44, 140, 42, 137, 37, 131, 34],
  [-6, 50, 1, 51, -2, 56, -5, 58],
  [44, -16, 50, -16, 47, -25, 44, -24],
  [167, -46, 174, -41, 178, -38, 173, -35, 174, -40],
];

function outline(points: number[]): string {
  const pairs = [];
  for (let at = 0; at + 1 < points.length; at += 2) {
    pairs.push(`${x(points[at] ?? 0).toFixed(1)},${y(points[at + 1] ?? 0).toFixed(1)}`);
  }
  return pairs.join(' ');
}

export function RegionMap({ regions, shards }: { regions: RegionView[]; shards: ShardView[] }) {
  const { t, has, number } = useText();
  const placed = regions.flatMap((region) => {
    const place = PLACES[region.name];
    return place ? [{ region, at: place }] : [];
  });
  const of = (name: string) => shards.filter((shard) => shard.region === name);
  const clinics = (name: string) => of(name).reduce((sum, shard) => sum + shard.tenants, 0);
  /** A line for each way that some shard is. */
  const shardLines = (name: string) =>
    HEALTHS.flatMap((health) => {
      const count = of(name).filter((shard) => healthOf(shard.health) === health).length;
      return count === 0 ? [] : [{ health, count }];
    });
  return (
    <figure className="map panel">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t('regions.map')}>
        {LAND.map((points) => (
          <polygon key={points[0]} points={outline(points)} className="land" />
        ))}
        {placed.map(({ region, at: [longitude, latitude] }) => {
          const name = `region.${region.name}`;
          const health = healthOf(region.health);
          return (
            <g key={region.name} transform={`translate(${x(longitude)} ${y(latitude)})`}>
              <circle r="13" className="halo" />
              <HealthShape health={health} />
              <text x="16" y="-3" className="map-name">
                {has(name) ? t(name as Key) : region.name}
              </text>
              <text x="16" y="12" className="map-count">
                {t(`health.${health}`)}
              </text>
              <text x="16" y={12 + LINE} className="map-count">
                {t('shard.load')}: {number(clinics(region.name))}
              </text>
              {shardLines(region.name).map((line, index) => (
                <g key={line.health} transform={`translate(22 ${12 + (index + 2) * LINE})`}>
                  <g transform="translate(0 -4)">
                    <HealthShape health={line.health} />
                  </g>
                  <text x="10" className="map-count">
                    {t('health.shards', { count: number(line.count), health: t(`health.${line.health}`) })}
                  </text>
                </g>
              ))}
            </g>
          );
        })}
      </svg>
    </figure>
  );
}
