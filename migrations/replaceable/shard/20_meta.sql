-- Backends and workers read which region and shard this is, and nothing else of the ledger.
GRANT USAGE ON SCHEMA meta TO domicile_app;
GRANT SELECT ON meta.identity TO domicile_app;
