-- Roles of a cluster. Run once as a superuser; running it again changes nothing but the passwords.
-- {{app_verifier}} and {{migrator_verifier}} are SCRAM-SHA-256 verifiers, so that no password travels or is logged.
DO $$
DECLARE
    wanted record;
BEGIN
    -- Two databases of one cluster may be set up at once; roles belong to the cluster.
    PERFORM pg_catalog.pg_advisory_xact_lock(5791003, 1);
    FOR wanted IN SELECT * FROM (VALUES
        ('domicile_owner', 'NOLOGIN NOINHERIT'),
        ('domicile_tenant', 'NOLOGIN NOINHERIT'),
        ('domicile_sealer', 'NOLOGIN NOINHERIT'),
        ('domicile_keeper', 'NOLOGIN NOINHERIT'),
        ('domicile_migrator', 'LOGIN NOINHERIT CREATEROLE CONNECTION LIMIT 200'),
        ('domicile_app', 'LOGIN NOINHERIT')) AS w(name, options)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted.name) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS %s',
                wanted.name, wanted.options);
        END IF;
    END LOOP;
    IF NOT pg_catalog.pg_has_role('domicile_migrator', 'domicile_owner', 'MEMBER') THEN
        GRANT domicile_owner TO domicile_migrator;
    END IF;
    -- Rotation and erasure run as this role, which may call the key store's functions and touch no key otherwise.
    IF NOT pg_catalog.pg_has_role('domicile_migrator', 'domicile_keeper', 'MEMBER') THEN
        GRANT domicile_keeper TO domicile_migrator;
    END IF;
    IF NOT pg_catalog.pg_has_role('domicile_migrator', 'domicile_sealer', 'MEMBER') THEN
        GRANT domicile_sealer TO domicile_migrator;
    END IF;
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_auth_members
        WHERE roleid = 'domicile_tenant'::regrole AND member = 'domicile_migrator'::regrole AND admin_option)
    THEN
        GRANT domicile_tenant TO domicile_migrator WITH ADMIN OPTION;
    END IF;
END
$$;
ALTER ROLE domicile_app PASSWORD '{{app_verifier}}';
ALTER ROLE domicile_migrator PASSWORD '{{migrator_verifier}}';
