-- The roles and the database, run by psql as a superuser; again, it gives the roles the passwords of now.
-- mutirao_owner owns the tables and migrates them. mutirao is the program's: row-level security holds for it.
-- mutirao_backup reads everything and writes nothing.
\getenv owner_password OWNER_PASSWORD
\getenv program_password PROGRAM_PASSWORD
\getenv backup_password BACKUP_PASSWORD

SELECT format('CREATE ROLE %I', name)
    FROM unnest(ARRAY['mutirao_owner', 'mutirao', 'mutirao_backup']) AS name
    WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE mutirao_owner LOGIN PASSWORD :'owner_password';
ALTER ROLE mutirao LOGIN PASSWORD :'program_password';
ALTER ROLE mutirao_backup LOGIN BYPASSRLS PASSWORD :'backup_password';
GRANT pg_read_all_data TO mutirao_backup;

SELECT 'CREATE DATABASE mutirao OWNER mutirao_owner ENCODING ''UTF8'' TEMPLATE template0'
    WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = 'mutirao') \gexec
REVOKE ALL ON DATABASE mutirao FROM PUBLIC;
GRANT CONNECT ON DATABASE mutirao TO mutirao, mutirao_backup;
