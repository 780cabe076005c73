-- Changes of the directory (switch/payments/sql/load_directory.sql): each process asks every second whether there are new ones.
CREATE TABLE switch.directory_change (
    transaction xid8 PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE FUNCTION switch.directory_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO switch.directory_change (transaction) VALUES (pg_current_xact_id()) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.participant
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.participant_key
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.bearer_key
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.corridor
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.corridor_rules
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.tariff
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.velocity_limit
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.watch_rule
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.fx_rate
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.fx_fixing
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.pair_control
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.rail
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.window_schedule
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.calendar_override
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.screening_set
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.screening_tables
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.screening_engine
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON switch.closed
   FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
-- What payments move in an offer is no change of the directory.
CREATE TRIGGER directory_changed
    AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF number, tiers, valid_until, inventory_minor, published_at, improvements
    ON switch.fx_offer FOR EACH STATEMENT EXECUTE FUNCTION switch.directory_changed();
