drop table platform.support_look;
drop table platform.support_grant;
drop function platform.tell_support();
alter table platform.platform_admin drop column role;
