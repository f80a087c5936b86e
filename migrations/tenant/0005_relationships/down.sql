DROP TABLE {{ops}}.relationship, {{ops}}.account_site, {{ops}}.site CASCADE;
