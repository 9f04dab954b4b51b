#!/bin/sh
# Run once by the postgres image over an empty volume: the owner of the schema, and the role that may only add to the log.
set -eu
psql --set ON_ERROR_STOP=1 --username postgres --set owner_password="$OWNER_PASSWORD" --set app_password="$APP_PASSWORD" <<'SQL'
CREATE ROLE activity_log_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE activity_log_app LOGIN PASSWORD :'app_password';
ALTER ROLE activity_log_owner SET lock_timeout = '30s';
ALTER ROLE activity_log_app SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE activity_log_app SET lock_timeout = '10s';
CREATE DATABASE activity_log OWNER activity_log_owner;
REVOKE ALL ON DATABASE activity_log FROM PUBLIC;
GRANT CONNECT ON DATABASE activity_log TO activity_log_app;
SQL
