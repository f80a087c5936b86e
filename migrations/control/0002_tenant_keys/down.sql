drop table platform.tenant_key;
