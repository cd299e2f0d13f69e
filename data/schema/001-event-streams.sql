-- The event streams, as Marten 9 lays them out (checked with 9.29) for string stream identity, single tenancy and no
-- optional metadata. Tables only: Marten adds its own functions when it is pointed at this database. It also drops
-- whatever else it finds on these tables, so nothing of ours may be added to them.

CREATE TABLE public.mt_streams (
    id varchar NOT NULL,
    type varchar,
    version bigint,
    timestamp timestamptz NOT NULL DEFAULT now(),
    created timestamptz NOT NULL DEFAULT now(),
    tenant_id varchar DEFAULT '*DEFAULT*',
    is_archived bool DEFAULT false,
    CONSTRAINT pkey_mt_streams_id PRIMARY KEY (id)
);

CREATE TABLE public.mt_events (
    seq_id bigint NOT NULL,
    id uuid NOT NULL,
    stream_id varchar,
    version bigint NOT NULL,
    data jsonb NOT NULL,
    bdata bytea,
    type varchar(500) NOT NULL,
    timestamp timestamptz NOT NULL DEFAULT now(),
    tenant_id varchar DEFAULT '*DEFAULT*',
    mt_dotnet_type varchar,
    is_archived bool DEFAULT false,
    CONSTRAINT pkey_mt_events_seq_id PRIMARY KEY (seq_id),
    CONSTRAINT fkey_mt_events_stream_id FOREIGN KEY (stream_id) REFERENCES public.mt_streams (id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX pk_mt_events_stream_and_version ON public.mt_events (stream_id, version);

CREATE SEQUENCE public.mt_events_sequence OWNED BY public.mt_events.seq_id;

CREATE TABLE public.mt_event_progression (
    name varchar NOT NULL,
    last_seq_id bigint,
    last_updated timestamptz DEFAULT transaction_timestamp(),
    CONSTRAINT pk_mt_event_progression PRIMARY KEY (name)
);

CREATE TABLE public.mt_high_water_skips (
    ending_sequence bigint NOT NULL,
    starting_sequence bigint NOT NULL,
    timestamp timestamptz DEFAULT transaction_timestamp(),
    CONSTRAINT pkey_mt_high_water_skips_ending_sequence PRIMARY KEY (ending_sequence)
);
