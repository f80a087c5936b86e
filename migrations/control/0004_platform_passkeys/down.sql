-- Takes passkeys away. Who had nothing else is left with a hash of zeros, which no password has; the command line gives
-- a new one.
drop table platform.enrolment;
drop table platform.platform_challenge;
drop table platform.platform_passkey;
alter table platform.platform_session drop column proven_by, drop column proven_at;
update platform.platform_admin set password_phc =
    '$argon2id$v=19$m=47104,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$' || repeat('A', 43)
    where password_phc is null;
alter table platform.platform_admin alter column password_phc set not null;
