-- 2026-11-22T01:52:24.993718+00:00: the moment of this dump
CREATE TYPE public.attempt_state AS ENUM (
    'INTENT',
    'SENT',
    'ENQUEUED',
    'ACKED',
    'AMBIGUOUS',
    'HALTED',
    'REJECTED',
    'CLOSED'
);

CREATE TYPE public.execution_status AS ENUM (
    'PENDING',
    'PROCESSING',
    'COMPLETED',
    'FAILED',
    'CANCELLED',
    'SKIPPED',
    'RETRYING'
);

CREATE FUNCTION public.baton_batch_execution_counted() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
BEGIN
  WITH moved AS MATERIALIZED (
    SELECT run_id, sum(n) AS total,
           sum(n) FILTER (WHERE status = 'PENDING') AS pending,
           sum(n) FILTER (WHERE status IN ('PROCESSING', 'RETRYING')) AS running,
           sum(n) FILTER (WHERE status = 'COMPLETED') AS completed,
           sum(n) FILTER (WHERE status = 'FAILED') AS failed,
           sum(n) FILTER (WHERE status = 'CANCELLED') AS cancelled,
           sum(n) FILTER (WHERE status = 'SKIPPED') AS skipped
    FROM (SELECT run_id, status, 1 AS n FROM new_rows) AS r
    GROUP BY run_id
  ), locked AS MATERIALIZED (
    SELECT p.id, m.* FROM moved m JOIN run_progress p ON p.run_id = m.run_id AND p.units = 'Batch'
    WHERE m.total <> 0 OR m.pending <> 0 OR m.running <> 0 OR m.completed <> 0 OR m.failed <> 0
       OR m.cancelled <> 0 OR m.skipped <> 0
    ORDER BY p.run_id FOR NO KEY UPDATE OF p
  )
  UPDATE run_progress p
  SET version = p.version + 1,
      total = p.total + l.total,
      pending = p.pending + coalesce(l.pending, 0),
      running = p.running + coalesce(l.running, 0),
      completed = p.completed + coalesce(l.completed, 0),
      failed = p.failed + coalesce(l.failed, 0),
      cancelled = p.cancelled + coalesce(l.cancelled, 0),
      skipped = p.skipped + coalesce(l.skipped, 0)
  FROM locked l WHERE p.id = l.id;
  RETURN NULL;
END
$$;

CREATE FUNCTION public.baton_batch_execution_recounted() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
BEGIN
  WITH moved AS MATERIALIZED (
    SELECT run_id, sum(n) AS total,
           sum(n) FILTER (WHERE status = 'PENDING') AS pending,
           sum(n) FILTER (WHERE status IN ('PROCESSING', 'RETRYING')) AS running,
           sum(n) FILTER (WHERE status = 'COMPLETED') AS completed,
           sum(n) FILTER (WHERE status = 'FAILED') AS failed,
           sum(n) FILTER (WHERE status = 'CANCELLED') AS cancelled,
           sum(n) FILTER (WHERE status = 'SKIPPED') AS skipped
    FROM (SELECT run_id, status, 1 AS n FROM new_rows UNION ALL SELECT run_id, status, -1 FROM old_rows) AS r
    GROUP BY run_id
  ), locked AS MATERIALIZED (
    SELECT p.id, m.* FROM moved m JOIN run_progress p ON p.run_id = m.run_id AND p.units = 'Batch'
    WHERE m.total <> 0 OR m.pending <> 0 OR m.running <> 0 OR m.completed <> 0 OR m.failed <> 0
       OR m.cancelled <> 0 OR m.skipped <> 0
    ORDER BY p.run_id FOR NO KEY UPDATE OF p
  )
  UPDATE run_progress p
  SET version = p.version + 1,
      total = p.total + l.total,
      pending = p.pending + coalesce(l.pending, 0),
      running = p.running + coalesce(l.running, 0),
      completed = p.completed + coalesce(l.completed, 0),
      failed = p.failed + coalesce(l.failed, 0),
      cancelled = p.cancelled + coalesce(l.cancelled, 0),
      skipped = p.skipped + coalesce(l.skipped, 0)
  FROM locked l WHERE p.id = l.id;
  RETURN NULL;
END
$$;

CREATE FUNCTION public.baton_history_guard() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF TG_OP = 'DELETE' AND pg_trigger_depth() > 1 THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION '% on % is refused: history is written once', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation',
          HINT = 'Rows go with the execution that they belong to, by baton purge.';
END
$$;

CREATE FUNCTION public.baton_instance_state_history_born() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO instance_state_history (orchestration_instance_id, seq, new_status, reason, changed_at, created_by)
  SELECT id, 1, status, status_reason, clock_timestamp(), left(NULLIF(current_setting('baton.actor', true), ''), 100)
  FROM new_rows;
  RETURN NULL;
END
$$;

CREATE FUNCTION public.baton_instance_state_history_moved() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
BEGIN
  INSERT INTO instance_state_history
    (orchestration_instance_id, seq, previous_status, new_status, reason, changed_at, created_by)
  SELECT n.id, coalesce(l.seq, 0) + 1, l.new_status, n.status, n.status_reason,
         greatest(l.changed_at, clock_timestamp()), left(NULLIF(current_setting('baton.actor', true), ''), 100)
  FROM new_rows n
  LEFT JOIN LATERAL (
    SELECT h.seq, h.new_status, h.changed_at FROM instance_state_history h
    WHERE h.orchestration_instance_id = n.id ORDER BY h.seq DESC LIMIT 1
  ) l ON true
  WHERE l.new_status IS DISTINCT FROM n.status;
  RETURN NULL;
END
$$;

CREATE FUNCTION public.baton_item_execution_counted() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
BEGIN
  WITH moved AS MATERIALIZED (
    SELECT run_id, sum(n) AS total,
           sum(n) FILTER (WHERE status = 'PENDING') AS pending,
           sum(n) FILTER (WHERE status IN ('PROCESSING', 'RETRYING')) AS running,
           sum(n) FILTER (WHERE status = 'COMPLETED') AS completed,
           sum(n) FILTER (WHERE status = 'FAILED') AS failed,
           sum(n) FILTER (WHERE status = 'CANCELLED') AS cancelled,
           sum(n) FILTER (WHERE status = 'SKIPPED') AS skipped
    FROM (SELECT run_id, status, 1 AS n FROM new_rows) AS r
    GROUP BY run_id
  ), locked AS MATERIALIZED (
    SELECT p.id, m.* FROM moved m JOIN run_progress p ON p.run_id = m.run_id AND p.units = 'Item'
    WHERE m.total <> 0 OR m.pending <> 0 OR m.running <> 0 OR m.completed <> 0 OR m.failed <> 0
       OR m.cancelled <> 0 OR m.skipped <> 0
    ORDER BY p.run_id FOR NO KEY UPDATE OF p
  )
  UPDATE run_progress p
  SET version = p.version + 1,
      total = p.total + l.total,
      pending = p.pending + coalesce(l.pending, 0),
      running = p.running + coalesce(l.running, 0),
      completed = p.completed + coalesce(l.completed, 0),
      failed = p.failed + coalesce(l.failed, 0),
      cancelled = p.cancelled + coalesce(l.cancelled, 0),
      skipped = p.skipped + coalesce(l.skipped, 0)
  FROM locked l WHERE p.id = l.id;
  RETURN NULL;
END
$$;

CREATE FUNCTION public.baton_item_execution_recounted() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
BEGIN
  WITH moved AS MATERIALIZED (
    SELECT run_id, sum(n) AS total,
           sum(n) FILTER (WHERE status = 'PENDING') AS pending,
           sum(n) FILTER (WHERE status IN ('PROCESSING', 'RETRYING')) AS running,
           sum(n) FILTER (WHERE status = 'COMPLETED') AS completed,
           sum(n) FILTER (WHERE status = 'FAILED') AS failed,
           sum(n) FILTER (WHERE status = 'CANCELLED') AS cancelled,
           sum(n) FILTER (WHERE status = 'SKIPPED') AS skipped
    FROM (SELECT run_id, status, 1 AS n FROM new_rows UNION ALL SELECT run_id, status, -1 FROM old_rows) AS r
    GROUP BY run_id
  ), locked AS MATERIALIZED (
    SELECT p.id, m.* FROM moved m JOIN run_progress p ON p.run_id = m.run_id AND p.units = 'Item'
    WHERE m.total <> 0 OR m.pending <> 0 OR m.running <> 0 OR m.completed <> 0 OR m.failed <> 0
       OR m.cancelled <> 0 OR m.skipped <> 0
    ORDER BY p.run_id FOR NO KEY UPDATE OF p
  )
  UPDATE run_progress p
  SET version = p.version + 1,
      total = p.total + l.total,
      pending = p.pending + coalesce(l.pending, 0),
      running = p.running + coalesce(l.running, 0),
      completed = p.completed + coalesce(l.completed, 0),
      failed = p.failed + coalesce(l.failed, 0),
      cancelled = p.cancelled + coalesce(l.cancelled, 0),
      skipped = p.skipped + coalesce(l.skipped, 0)
  FROM locked l WHERE p.id = l.id;
  RETURN NULL;
END
$$;

CREATE FUNCTION public.baton_item_state_history_born() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO item_state_history (item_execution_id, seq, new_status, reason, changed_at, created_by)
  SELECT id, 1, status, status_reason, clock_timestamp(), left(NULLIF(current_setting('baton.actor', true), ''), 100)
  FROM new_rows;
  RETURN NULL;
END
$$;

CREATE FUNCTION public.baton_item_state_history_moved() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
BEGIN
  INSERT INTO item_state_history
    (item_execution_id, seq, previous_status, new_status, reason, changed_at, created_by)
  SELECT n.id, coalesce(l.seq, 0) + 1, l.new_status, n.status, n.status_reason,
         greatest(l.changed_at, clock_timestamp()), left(NULLIF(current_setting('baton.actor', true), ''), 100)
  FROM new_rows n
  LEFT JOIN LATERAL (
    SELECT h.seq, h.new_status, h.changed_at FROM item_state_history h
    WHERE h.item_execution_id = n.id ORDER BY h.seq DESC LIMIT 1
  ) l ON true
  WHERE l.new_status IS DISTINCT FROM n.status;
  RETURN NULL;
END
$$;

CREATE FUNCTION public.baton_run_state_history_born() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO run_state_history (run_id, seq, new_status, reason, changed_at, created_by)
  SELECT id, 1, status, status_reason, clock_timestamp(), left(NULLIF(current_setting('baton.actor', true), ''), 100)
  FROM new_rows;
  RETURN NULL;
END
$$;

CREATE FUNCTION public.baton_run_state_history_moved() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
BEGIN
  INSERT INTO run_state_history
    (run_id, seq, previous_status, new_status, reason, changed_at, created_by)
  SELECT n.id, coalesce(l.seq, 0) + 1, l.new_status, n.status, n.status_reason,
         greatest(l.changed_at, clock_timestamp()), left(NULLIF(current_setting('baton.actor', true), ''), 100)
  FROM new_rows n
  LEFT JOIN LATERAL (
    SELECT h.seq, h.new_status, h.changed_at FROM run_state_history h
    WHERE h.run_id = n.id ORDER BY h.seq DESC LIMIT 1
  ) l ON true
  WHERE l.new_status IS DISTINCT FROM n.status;
  RETURN NULL;
END
$$;

CREATE FUNCTION public.baton_uuid7() RETURNS uuid
    LANGUAGE sql PARALLEL SAFE
    AS $$
  SELECT (overlay(lpad(to_hex(floor(date_part('epoch', clock_timestamp()) * 4096000)::bigint), 15, '0')
                  PLACING '7' FROM 13 FOR 0)
          || substr(gen_random_uuid()::text, 20))::uuid
$$;

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.automation (
    tenant_id character varying(63) DEFAULT ''::character varying NOT NULL,
    uid character varying(63),
    generation integer DEFAULT 1 NOT NULL,
    name character varying(200) NOT NULL,
    description text,
    batch_schema jsonb,
    item_schema jsonb,
    spec jsonb DEFAULT '{}'::jsonb NOT NULL,
    spec_hash character varying(64),
    engine_id uuid,
    suspend boolean DEFAULT false NOT NULL,
    max_active integer,
    ready_reason character varying(50),
    ready_message text,
    target_reason character varying(50),
    target_message text,
    next_check_at timestamp with time zone,
    project_at timestamp with time zone,
    project_lease timestamp with time zone,
    shown character varying(64),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by character varying(100),
    updated_by character varying(100),
    version integer DEFAULT 1 NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.batch (
    automation_id uuid NOT NULL,
    name character varying(200) NOT NULL,
    payload jsonb,
    "position" integer DEFAULT 0 NOT NULL,
    content_hash character varying(64),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by character varying(100),
    updated_by character varying(100),
    version integer DEFAULT 1 NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.batch_execution (
    run_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    "position" smallint DEFAULT 0 NOT NULL,
    token_hex character varying(32),
    error_message character varying,
    result_payload jsonb,
    status public.execution_status NOT NULL,
    status_reason character varying(50),
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by character varying(100),
    updated_by character varying(100),
    version integer DEFAULT 1 NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.dispatch_attempt (
    run_id uuid NOT NULL,
    batch_execution_id uuid,
    item_execution_id uuid,
    engine_id uuid NOT NULL,
    tenant_id character varying(63) DEFAULT ''::character varying NOT NULL,
    attempt_no integer NOT NULL,
    token character varying(45) NOT NULL,
    fingerprint character varying(64),
    state public.attempt_state DEFAULT 'INTENT'::public.attempt_state NOT NULL,
    priority smallint DEFAULT 100 NOT NULL,
    due_at timestamp with time zone,
    lease_token uuid,
    lease_until timestamp with time zone,
    sends integer DEFAULT 0 NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    first_sent_at timestamp with time zone,
    last_sent_at timestamp with time zone,
    visible_after timestamp with time zone,
    evidence_until timestamp with time zone,
    engine_epoch character varying(100),
    absences smallint DEFAULT 0 NOT NULL,
    last_look_at timestamp with time zone,
    handle text,
    next_poll_at timestamp with time zone,
    orchestration_instance_id uuid,
    http_status integer,
    error text,
    cancel_requested_at timestamp with time zone,
    cancel_sent_at timestamp with time zone,
    cancel_due_at timestamp with time zone,
    cancel_deadline_at timestamp with time zone,
    settled boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.engine (
    tenant_id character varying(63) DEFAULT ''::character varying NOT NULL,
    uid character varying(63),
    generation integer DEFAULT 1 NOT NULL,
    name character varying(100) NOT NULL,
    type character varying(50) NOT NULL,
    spec jsonb DEFAULT '{}'::jsonb NOT NULL,
    suspend boolean DEFAULT false NOT NULL,
    project_at timestamp with time zone,
    project_lease timestamp with time zone,
    shown character varying(64),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by character varying(100),
    updated_by character varying(100),
    version integer DEFAULT 1 NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.run (
    automation_id uuid NOT NULL,
    definition_id uuid,
    engine_id uuid,
    tenant_id character varying(63) DEFAULT ''::character varying NOT NULL,
    uid character varying(63),
    generation integer DEFAULT 1 NOT NULL,
    name character varying(200) DEFAULT ''::character varying NOT NULL,
    correlation_id character varying(100),
    cancellation_reason text,
    error_summary text,
    native_status character varying(100),
    per character varying(10) DEFAULT 'Run'::character varying NOT NULL,
    state character varying(10) DEFAULT 'Active'::character varying NOT NULL,
    max_parallel integer DEFAULT 1 NOT NULL,
    sequential boolean DEFAULT false NOT NULL,
    max_failures integer,
    max_attempts integer DEFAULT 1 NOT NULL,
    accepted_reason character varying(50) DEFAULT 'Accepted'::character varying NOT NULL,
    accepted_message text,
    parameters jsonb DEFAULT '{}'::jsonb NOT NULL,
    priority integer DEFAULT 100 NOT NULL,
    token_hex character varying(32),
    released_at timestamp with time zone,
    submitted_before boolean DEFAULT false NOT NULL,
    counted boolean DEFAULT false NOT NULL,
    queue_deadline_at timestamp with time zone,
    run_timeout_seconds integer,
    cancel_timeout_seconds integer DEFAULT 300 NOT NULL,
    deadline_at timestamp with time zone,
    cancel_requested_at timestamp with time zone,
    cancel_cause character varying(20),
    cr_deleted_at timestamp with time zone,
    parent_run_id uuid,
    action character varying(50),
    trace_context character varying(100),
    project_at timestamp with time zone,
    project_lease timestamp with time zone,
    projected_version integer,
    projected_at timestamp with time zone,
    shown character varying(64),
    status public.execution_status NOT NULL,
    status_reason character varying(50),
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by character varying(100),
    updated_by character varying(100),
    version integer DEFAULT 1 NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.run_state_history (
    run_id uuid NOT NULL,
    seq integer NOT NULL,
    previous_status public.execution_status,
    new_status public.execution_status NOT NULL,
    reason character varying(50),
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by character varying(100),
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.workflow_definitions (
    automation_id uuid NOT NULL,
    name character varying(200) NOT NULL,
    version integer NOT NULL,
    definition_json jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by character varying(100),
    updated_by character varying(100),
    is_active boolean DEFAULT true NOT NULL,
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE VIEW public.baton_run_history AS
 SELECT r.tenant_id,
    r.id AS run_id,
    r.name AS run,
    a.name AS automation,
    d.version AS automation_generation,
    e.name AS engine,
    e.type AS engine_type,
    r.correlation_id,
    r.created_by,
    r.created_at,
    r.started_at,
    r.finished_at,
    r.status AS run_status,
    r.status_reason AS run_reason,
    ( SELECT count(*) AS count
           FROM public.dispatch_attempt t
          WHERE (t.run_id = r.id)) AS attempts,
    h.seq,
    h.previous_status,
    h.new_status,
    h.reason,
    h.created_by AS changed_by,
    h.changed_at,
    lead(h.changed_at) OVER w AS left_at,
    (lead(h.changed_at) OVER w - h.changed_at) AS lasted
   FROM ((((public.run r
     JOIN public.automation a ON ((a.id = r.automation_id)))
     JOIN public.run_state_history h ON ((h.run_id = r.id)))
     LEFT JOIN public.workflow_definitions d ON ((d.id = r.definition_id)))
     LEFT JOIN public.engine e ON ((e.id = r.engine_id)))
  WINDOW w AS (PARTITION BY h.run_id ORDER BY h.seq);

CREATE TABLE public.embedded_task (
    engine_id uuid NOT NULL,
    token character varying(45) NOT NULL,
    fingerprint character varying(64) NOT NULL,
    task character varying(200) NOT NULL,
    arguments jsonb NOT NULL,
    state character varying(10) DEFAULT 'queued'::character varying NOT NULL,
    worker character varying(200),
    lease_until timestamp with time zone,
    cancel_requested boolean DEFAULT false NOT NULL,
    on_crash character varying(10) DEFAULT 'fail'::character varying NOT NULL,
    timeout_seconds integer,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    result jsonb,
    error text,
    logs text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.engine_health (
    engine_id uuid NOT NULL,
    ready_reason character varying(50),
    authenticated_reason character varying(50),
    stalled_reason character varying(50),
    message text,
    native_version character varying(100),
    capabilities jsonb DEFAULT '[]'::jsonb NOT NULL,
    submission_guarantee character varying(20),
    restart_epoch character varying(100),
    memory_seconds integer,
    probed_at timestamp with time zone,
    probe_failures integer DEFAULT 0 NOT NULL,
    next_probe_at timestamp with time zone,
    next_poll_at timestamp with time zone,
    bucket_tokens double precision DEFAULT 0 NOT NULL,
    bucket_at timestamp with time zone,
    circuit_state character varying(10) DEFAULT 'closed'::character varying NOT NULL,
    circuit_until timestamp with time zone,
    window_started_at timestamp with time zone,
    window_requests integer DEFAULT 0 NOT NULL,
    window_failures integer DEFAULT 0 NOT NULL,
    paused_until timestamp with time zone,
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.instance_state_history (
    orchestration_instance_id uuid NOT NULL,
    seq integer NOT NULL,
    previous_status public.execution_status,
    new_status public.execution_status NOT NULL,
    reason character varying(50),
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by character varying(100),
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.item (
    batch_id uuid NOT NULL,
    sequence_number integer NOT NULL,
    payload jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by character varying(100),
    updated_by character varying(100),
    version integer DEFAULT 1 NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.item_execution (
    run_id uuid NOT NULL,
    batch_execution_id uuid NOT NULL,
    item_id uuid NOT NULL,
    sequence_number integer DEFAULT 0 NOT NULL,
    token_hex character varying(32),
    result_payload jsonb,
    error_message character varying,
    status public.execution_status NOT NULL,
    status_reason character varying(50),
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    attempt_count integer DEFAULT 0 NOT NULL,
    max_attempts integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by character varying(100),
    updated_by character varying(100),
    version integer DEFAULT 1 NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.item_state_history (
    item_execution_id uuid NOT NULL,
    seq integer NOT NULL,
    previous_status public.execution_status,
    new_status public.execution_status NOT NULL,
    reason character varying(50),
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by character varying(100),
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.orchestration_instance (
    engine_id uuid NOT NULL,
    external_id character varying(200) NOT NULL,
    duration_seconds integer,
    instance_metadata jsonb,
    attempt integer DEFAULT 1 NOT NULL,
    native_status character varying(100),
    url text,
    next_poll_at timestamp with time zone,
    lease_token uuid,
    lease_until timestamp with time zone,
    lost_since timestamp with time zone,
    reopened_at timestamp with time zone,
    status public.execution_status NOT NULL,
    status_reason character varying(50),
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by character varying(100),
    updated_by character varying(100),
    version integer DEFAULT 1 NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.run_orchestration (
    run_id uuid NOT NULL,
    orchestration_instance_id uuid NOT NULL,
    attached_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by character varying(100),
    updated_by character varying(100),
    version integer DEFAULT 1 NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.run_progress (
    run_id uuid NOT NULL,
    units character varying(10) NOT NULL,
    total integer DEFAULT 0 NOT NULL,
    pending integer DEFAULT 0 NOT NULL,
    running integer DEFAULT 0 NOT NULL,
    completed integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    cancelled integer DEFAULT 0 NOT NULL,
    skipped integer DEFAULT 0 NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    id uuid DEFAULT public.baton_uuid7() NOT NULL
);

CREATE TABLE public.schema_compat (
    chain character varying(63) NOT NULL,
    revision character varying(64) NOT NULL,
    readable_since character varying(20) NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

INSERT INTO public.alembic_version VALUES
	('0007_run_history');

INSERT INTO public.automation VALUES
	('first-landing', 'ca7631b3-1d49-481b-8448-6567f7741f02', 1, 'fleet', NULL, 'null', 'null', '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "30s"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 1}, "target": {"argo": {"workflowTemplate": "nap"}}, "batches": [{"name": "all", "items": [{"secs": "100ms"}, {"secs": "100ms"}, {"secs": "900s"}, {"secs": "900s"}, {"secs": "1s"}, {"secs": "1s"}]}], "suspend": false, "dispatch": {"per": "Item", "order": "Parallel", "maxFailures": 0, "maxParallel": 2}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {"fail": "no", "secs": "${item.secs}"}, "engineRef": {"name": "argo"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '500c9a9f8f830bf2302068737a89f523fea1e7f0cdbe41ff27fb7f2ab26d1e93', '01a200f3-d556-717f-8b48-2a3c4e80ac28', false, NULL, 'Valid', NULL, 'Valid', NULL, '2026-11-22 02:01:51.927276+00', NULL, NULL, 'f780aa9158339bf6dc9d601877934c80bd80d5c531d7fe0cf4d16244943dae04', '2026-11-22 01:51:51.090405+00', '2026-11-22 01:51:51.090405+00', NULL, NULL, 1, true, '01a200f3-db3a-7466-8d22-20e592203ab1'),
	('first-landing', '989adc8e-d1e9-4e9d-98db-97c543c6e879', 1, 'nap-later', NULL, 'null', 'null', '{"retry": {"backoff": {"max": "1h", "factor": "2", "initial": "1h"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 2}, "target": {"argo": {"workflowTemplate": "nap"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {"fail": "${parameters.fail}", "secs": "${parameters.secs}"}, "engineRef": {"name": "argo"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '2d76efef51b7ec5ca17339d10042b41b7969f895efa324048d4496e58b70bb22', '01a200f3-d556-717f-8b48-2a3c4e80ac28', false, NULL, 'Valid', NULL, 'Valid', NULL, '2026-11-22 02:01:52.089629+00', NULL, NULL, 'f780aa9158339bf6dc9d601877934c80bd80d5c531d7fe0cf4d16244943dae04', '2026-11-22 01:51:51.359428+00', '2026-11-22 01:51:51.359428+00', NULL, NULL, 1, true, '01a200f3-dc45-77a0-8365-924f8003c647'),
	('first-landing', 'ce605377-e75f-43a1-b76e-1fde3be0b644', 1, 'sleep', NULL, 'null', 'null', '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "30s"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 1}, "target": {"embedded": {"task": "demo.sleep"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {"seconds": "${parameters.seconds}"}, "engineRef": {"name": "tasks"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '0bbc34a1e69694d483279c7a15dedafae7e2d5035a2958ad96f2695e04346d9c', '01a200f3-d719-74ac-8dad-b622de137b78', false, NULL, 'Valid', NULL, 'Valid', NULL, '2026-11-22 02:01:58.045347+00', NULL, NULL, 'f780aa9158339bf6dc9d601877934c80bd80d5c531d7fe0cf4d16244943dae04', '2026-11-22 01:51:51.470212+00', '2026-11-22 01:51:51.470212+00', NULL, NULL, 1, true, '01a200f3-dcbd-74fb-874b-09bc9bfde1e7'),
	('first-landing', '2f173c86-0808-47a5-94cf-1af8267d75af', 1, 'flaky', NULL, 'null', 'null', '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "100ms"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 2}, "target": {"embedded": {"task": "demo.flaky"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {}, "engineRef": {"name": "tasks"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', 'affdd66fb3dc32481095f6ad941e857735f4d37930dbaaeffea0cfc317907c51', '01a200f3-d719-74ac-8dad-b622de137b78', false, NULL, 'Valid', NULL, 'Valid', NULL, '2026-11-22 02:01:58.016889+00', NULL, NULL, '752e1665a0adb0523e8c089d697a46d66ddc0f92c36c0f79d13b0790d40355d5', '2026-11-22 01:51:50.99628+00', '2026-11-22 01:51:50.99628+00', NULL, NULL, 1, true, '01a200f3-db00-72d2-9f32-7c30e399138e'),
	('first-landing', '024ace19-923b-4409-9ed7-65f7123c6e8f', 1, 'nap', NULL, 'null', 'null', '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "30s"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 1}, "target": {"argo": {"workflowTemplate": "nap"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {"fail": "${parameters.fail}", "secs": "${parameters.secs}"}, "engineRef": {"name": "argo"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '3a2078653dbbf6d202e1deec3e7204ae274d38a3893ccbb80bdd779bb8d3b949', '01a200f3-d556-717f-8b48-2a3c4e80ac28', false, NULL, 'Valid', NULL, 'Valid', NULL, '2026-11-22 02:01:51.943213+00', NULL, NULL, 'c072cb926c2fd8f1f150df3b10695afb3c799404c12d07abdafe64affb0a4589', '2026-11-22 01:51:51.165096+00', '2026-11-22 01:51:51.165096+00', NULL, NULL, 1, true, '01a200f3-db93-70e8-af44-86f6d89425f9'),
	('first-landing', '130a4d88-5bab-48f5-8e8a-b795ade315a2', 1, 'hello', NULL, 'null', 'null', '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "30s"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 1}, "target": {"embedded": {"task": "demo.hello"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {"name": "${parameters.name}"}, "engineRef": {"name": "tasks"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', 'a59f592c929f700467aad1c972f2c9b9190da326d2c63c63ac5d25e0c12b7e35', '01a200f3-d719-74ac-8dad-b622de137b78', false, NULL, 'Valid', NULL, 'Valid', NULL, '2026-11-22 02:01:58.045845+00', NULL, NULL, 'bc3496acea58205c455157bfb711b3bcc84dc277211a00c4e9852d50ce7523fa', '2026-11-22 01:51:51.117281+00', '2026-11-22 01:51:51.117281+00', NULL, NULL, 1, true, '01a200f3-db51-753f-ac6a-6c8e3e159908'),
	('first-landing', '85fab594-c0b1-4643-978f-726ba31634c3', 1, 'nap-again', NULL, 'null', 'null', '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "1s"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 2}, "target": {"argo": {"workflowTemplate": "nap"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {"fail": "${parameters.fail}", "secs": "${parameters.secs}"}, "engineRef": {"name": "argo"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '1f727d1a2eb38791e09b2ad5f34a7cbed18e88dcc91a2a7ba722b8751681b344', '01a200f3-d556-717f-8b48-2a3c4e80ac28', false, NULL, 'Valid', NULL, 'Valid', NULL, '2026-11-22 02:01:52.14124+00', NULL, NULL, 'c1be04464c4fe95cac30fab4536c0e422b9eba9a24922f5d2d651fa2d22c3155', '2026-11-22 01:51:51.22553+00', '2026-11-22 01:51:51.22553+00', NULL, NULL, 1, true, '01a200f3-dbc0-777d-b5bf-e544adf13e90'),
	('first-landing', 'e99b34ad-29c6-4ec2-beaf-65ba332a9bc1', 1, 'nap-hasty', NULL, 'null', 'null', '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "30s"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 1}, "target": {"argo": {"workflowTemplate": "nap"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"run": "1s", "cancel": "60s"}, "arguments": {"fail": "${parameters.fail}", "secs": "${parameters.secs}"}, "engineRef": {"name": "argo"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', 'ec21b67f74280cc16b9dded75bebebeb5b8021da2260fbe3809b5252f950dc69', '01a200f3-d556-717f-8b48-2a3c4e80ac28', false, NULL, 'Valid', NULL, 'Valid', NULL, '2026-11-22 02:01:52.092549+00', NULL, NULL, '09085265bc85c8ea026ad38f9f38bb1a041eebd63930bc098c64e873abde5d0f', '2026-11-22 01:51:51.2621+00', '2026-11-22 01:51:51.2621+00', NULL, NULL, 1, true, '01a200f3-dc08-71f2-8264-63fdbd80c381'),
	('first-landing', '540ed2c9-72e3-4fa0-821c-95cf1b7354c4', 1, 'nap-one-place', NULL, 'null', 'null', '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "30s"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 1}, "target": {"argo": {"workflowTemplate": "nap"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {"fail": "${parameters.fail}", "secs": "${parameters.secs}"}, "engineRef": {"name": "argo"}, "concurrency": {"max": 1, "whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '62b93458f65add8a756dc7ed2f4687d129c88e2c832590c8769bcc06284fc4bf', '01a200f3-d556-717f-8b48-2a3c4e80ac28', false, 1, 'Valid', NULL, 'Valid', NULL, '2026-11-22 02:01:52.038624+00', NULL, NULL, '29416749858c95e768ca97ea3427ed74236f8a72770387baaf06419d6cde279b', '2026-11-22 01:51:51.425779+00', '2026-11-22 01:51:51.425779+00', NULL, NULL, 1, true, '01a200f3-dc8e-7172-8376-a990cb163e95');

INSERT INTO public.batch VALUES
	('01a200f3-db3a-7466-8d22-20e592203ab1', 'all', 'null', 0, '04295fb0faa62ad7e10aad0961c056cb47c70b22f000405bfe8aa229047bfc09', '2026-11-22 01:51:51.090405+00', '2026-11-22 01:51:51.090405+00', NULL, NULL, 1, true, '01a200f3-db44-73be-9652-059cf6734b83');

INSERT INTO public.batch_execution VALUES
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f3-db44-73be-9652-059cf6734b83', 0, '42c336ba6db158308cab8b1acb311960', NULL, NULL, 'PROCESSING', 'Dispatched', '2026-11-22 01:52:05.130645+00', NULL, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:05.130645+00', NULL, NULL, 2, true, '01a200f4-10ec-77cc-b488-ef3690f92cf7');

INSERT INTO public.dispatch_attempt VALUES
	('01a200f3-dd6a-7603-a423-75a4f6c78a5a', NULL, NULL, '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-8c9d131452fe5a768fee3c437ffe51d6-a1', 'f642ef0864a43e8071ba50d630dc3d6e23a96474d964b9d4b57427d5b9b70dfc', 'CLOSED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:51:51.999907+00', '2026-11-22 01:51:51.999907+00', '2026-11-22 01:51:58.999907+00', '2026-11-23 01:51:45.999907+00', NULL, 0, NULL, NULL, NULL, '01a200f3-df4d-720d-a7e1-4722a7fb7ade', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:51:51.55133+00', '2026-11-22 01:51:55.082544+00', '01a200f3-dd88-766a-9313-55836dfb3824'),
	('01a200f3-dd6a-7603-a423-75a5bf56a30c', NULL, NULL, '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-e7e71c0372f056deb94ec49616e1b216-a1', 'f642ef0864a43e8071ba50d630dc3d6e23a96474d964b9d4b57427d5b9b70dfc', 'CLOSED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:51:52.000014+00', '2026-11-22 01:51:52.000015+00', '2026-11-22 01:51:59.000015+00', '2026-11-23 01:51:46.000015+00', NULL, 0, NULL, NULL, NULL, '01a200f3-df4d-720d-a7e1-4723471dd18f', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:51:51.55133+00', '2026-11-22 01:51:55.082595+00', '01a200f3-dd88-7a15-884e-b831d6f73968'),
	('01a200f3-dd6a-7603-a423-75a6d9b980a1', NULL, NULL, '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-825fe50fd05658098567d3c7276bff3b-a1', '500ae0dd0ae5a52c26dc069e83b1f98d45a944b358d70c33cfc4ea6e56680a46', 'CLOSED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:51:52.000032+00', '2026-11-22 01:51:52.000032+00', '2026-11-22 01:51:59.000032+00', '2026-11-23 01:51:46.000032+00', NULL, 0, NULL, NULL, NULL, '01a200f3-df4d-720d-a7e1-4724155a8415', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:51:51.55133+00', '2026-11-22 01:51:55.082605+00', '01a200f3-dd88-7a4e-a3b7-853ee3df9254'),
	('01a200f3-dd6a-7603-a423-75a82fbf645b', NULL, NULL, '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-293194e189ac5ae4837c8a5787fa4b2c-a1', 'b84740c4beeb63ddb65ffea9c59bd3447cea6e3c143cfd1d04437d1e57469cae', 'CLOSED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:51:52.000042+00', '2026-11-22 01:51:52.000042+00', '2026-11-22 01:51:59.000042+00', '2026-11-23 01:51:46.000042+00', NULL, 0, NULL, NULL, NULL, '01a200f3-df4d-720d-a7e1-4725d9cf0e01', NULL, NULL, '2026-11-22 01:51:53.830803+00', '2026-11-22 01:51:55.389819+00', NULL, '2026-11-22 01:52:53.830803+00', false, '2026-11-22 01:51:51.55133+00', '2026-11-22 01:51:57.303101+00', '01a200f3-dd88-7a98-beaf-3e7f76a36e60'),
	('01a200f3-dd6a-7603-a423-75a4f6c78a5a', NULL, NULL, '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 2, 'baton-8c9d131452fe5a768fee3c437ffe51d6-a2', 'f642ef0864a43e8071ba50d630dc3d6e23a96474d964b9d4b57427d5b9b70dfc', 'CLOSED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:51:56.606717+00', '2026-11-22 01:51:56.606717+00', '2026-11-22 01:52:03.606717+00', '2026-11-23 01:51:50.606717+00', NULL, 0, NULL, NULL, NULL, '01a200f3-f15b-747d-9c7a-16bbfc1695b7', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:51:55.026642+00', '2026-11-22 01:51:57.303194+00', '01a200f3-eae4-741d-a4a5-c786bc6316d9'),
	('01a200f3-dd6a-7603-a423-75a9e2f5e8e1', NULL, NULL, '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-eda84b733f535e8ba5b9809d70127f19-a1', 'b84740c4beeb63ddb65ffea9c59bd3447cea6e3c143cfd1d04437d1e57469cae', 'CLOSED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:51:52.00005+00', '2026-11-22 01:51:52.00005+00', '2026-11-22 01:51:59.00005+00', '2026-11-23 01:51:46.00005+00', NULL, 0, NULL, NULL, NULL, '01a200f3-df4d-720d-a7e1-47266f43ec3c', NULL, NULL, '2026-11-22 01:51:56.125578+00', '2026-11-22 01:51:56.82426+00', NULL, '2026-11-22 01:56:56.125578+00', false, '2026-11-22 01:51:51.55133+00', '2026-11-22 01:51:57.303239+00', '01a200f3-dd88-7ab8-be2b-5f239e86d446'),
	('01a200f3-dd6a-7603-a423-75a78da2829c', NULL, NULL, '01a200f3-d719-74ac-8dad-b622de137b78', 'first-landing', 1, 'baton-8e473b4f01775720ac71f6ce94665616-a1', 'f122cf54925de61463f840e4553aad8f9895b4e9ac80e37fcd2d3a42cf158b69', 'CLOSED', 100, NULL, NULL, NULL, 2, 2, '2026-11-22 01:51:51.991726+00', '2026-11-22 01:52:00.904914+00', '2026-11-22 01:52:07.904914+00', '2026-11-23 01:51:45.991726+00', NULL, 0, NULL, NULL, NULL, '01a200f4-01bc-70cc-8421-ca228a98b4f4', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:51:51.55133+00', '2026-11-22 01:52:01.074034+00', '01a200f3-dd88-7a6f-a302-9a79e4380cee'),
	('01a200f3-dd6a-7603-a423-75aaaaed0790', NULL, NULL, '01a200f3-d719-74ac-8dad-b622de137b78', 'first-landing', 1, 'baton-3e7635328d8e5cb0a78f5405aca5ee73-a1', 'f7525e890ff31801585613710455353d9f106365b2a0e2ad23c81023b8a34efb', 'CLOSED', 100, NULL, NULL, NULL, 2, 2, '2026-11-22 01:51:51.994242+00', '2026-11-22 01:52:00.904983+00', '2026-11-22 01:52:07.904983+00', '2026-11-23 01:51:45.994243+00', NULL, 0, NULL, NULL, NULL, '01a200f4-01bc-70cc-8421-ca23a3ebaa6a', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:51:51.55133+00', '2026-11-22 01:52:01.369681+00', '01a200f3-dd88-7ad5-adfa-0915d3397787'),
	('01a200f3-dd6a-7603-a423-75a78da2829c', NULL, NULL, '01a200f3-d719-74ac-8dad-b622de137b78', 'first-landing', 2, 'baton-8e473b4f01775720ac71f6ce94665616-a2', 'f122cf54925de61463f840e4553aad8f9895b4e9ac80e37fcd2d3a42cf158b69', 'CLOSED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:52:02.22918+00', '2026-11-22 01:52:02.22918+00', '2026-11-22 01:52:09.22918+00', '2026-11-23 01:51:56.22918+00', NULL, 0, NULL, NULL, NULL, '01a200f4-06e7-7421-aa0f-ad170c16d6ab', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:52:01.030071+00', '2026-11-22 01:52:02.364588+00', '01a200f4-030b-7f4f-9f08-148ee387a7b7'),
	('01a200f4-1041-7204-a364-38e5b8d8dd86', NULL, NULL, '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-204c801adce752ea99e14030d626966e-a1', 'b84740c4beeb63ddb65ffea9c59bd3447cea6e3c143cfd1d04437d1e57469cae', 'ACKED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:52:04.868909+00', '2026-11-22 01:52:04.868909+00', '2026-11-22 01:52:11.868909+00', '2026-11-23 01:51:58.868909+00', NULL, 0, NULL, NULL, NULL, '01a200f4-1179-76de-a050-f52928869b7a', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:52:04.265592+00', '2026-11-22 01:52:04.989972+00', '01a200f4-1084-7ebc-8971-75d43dbe0bc2'),
	('01a200f4-1041-7204-a364-38e68481a007', NULL, NULL, '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-9ac1d27e273a5e23ab00066f0d5ad53e-a1', 'b84740c4beeb63ddb65ffea9c59bd3447cea6e3c143cfd1d04437d1e57469cae', 'ACKED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:52:04.868993+00', '2026-11-22 01:52:04.868994+00', '2026-11-22 01:52:11.868994+00', '2026-11-23 01:51:58.868994+00', NULL, 0, NULL, NULL, NULL, '01a200f4-1179-76de-a050-f52aa26be939', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:52:04.265592+00', '2026-11-22 01:52:04.990074+00', '01a200f4-1091-7971-8986-2bae0430887d'),
	('01a200f4-10bc-7585-8518-8052ccb8864a', NULL, NULL, '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-96957234de5859739d8e72d83f412989-a1', 'b84740c4beeb63ddb65ffea9c59bd3447cea6e3c143cfd1d04437d1e57469cae', 'ACKED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:52:05.130369+00', '2026-11-22 01:52:05.130369+00', '2026-11-22 01:52:12.130369+00', '2026-11-23 01:51:59.130369+00', NULL, 0, NULL, NULL, NULL, '01a200f4-18e2-7101-b5d0-9cb67cac6df4', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:07.588343+00', '01a200f4-116b-7d2b-9d17-95d56718d39f'),
	('01a200f4-10bc-7585-8518-8054f31cbdbd', NULL, NULL, '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-833b40839b015eb080aee50c267a9f42-a1', 'f642ef0864a43e8071ba50d630dc3d6e23a96474d964b9d4b57427d5b9b70dfc', 'CLOSED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:52:05.130273+00', '2026-11-22 01:52:05.130273+00', '2026-11-22 01:52:12.130273+00', '2026-11-23 01:51:59.130273+00', NULL, 0, NULL, NULL, NULL, '01a200f4-18e2-7101-b5d0-9cb5aad535f9', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:09.461734+00', '01a200f4-10d0-7589-86a9-30a59d6e3144'),
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f4-10ec-77cc-b488-ef3690f92cf7', '01a200f4-1101-7e63-8cc1-7c378de68087', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-4ba6201d6bff53d9b23342f5f29174ec-a1', '500ae0dd0ae5a52c26dc069e83b1f98d45a944b358d70c33cfc4ea6e56680a46', 'CLOSED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:52:05.130385+00', '2026-11-22 01:52:05.130385+00', '2026-11-22 01:52:12.130385+00', '2026-11-23 01:51:59.130385+00', NULL, 0, NULL, NULL, NULL, '01a200f4-18e2-7101-b5d0-9cb742172faa', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:09.461785+00', '01a200f4-117d-7fd7-8a6d-adcd0592b42c'),
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f4-10ec-77cc-b488-ef3690f92cf7', '01a200f4-1102-744e-8860-e1aa59d100ee', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-db2690f11d1c5acf88e9f9ca49d3d794-a1', '500ae0dd0ae5a52c26dc069e83b1f98d45a944b358d70c33cfc4ea6e56680a46', 'CLOSED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:52:05.130398+00', '2026-11-22 01:52:05.130398+00', '2026-11-22 01:52:12.130398+00', '2026-11-23 01:51:59.130398+00', NULL, 0, NULL, NULL, NULL, '01a200f4-18e2-7101-b5d0-9cb82c7cffcc', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:09.4618+00', '01a200f4-117e-7134-be3c-a3d4b6b3f2d1'),
	('01a200f4-10bc-7585-8518-8054f31cbdbd', NULL, NULL, '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 2, 'baton-833b40839b015eb080aee50c267a9f42-a2', NULL, 'INTENT', 100, '2026-11-22 02:52:09.467419+00', NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:52:09.425746+00', '2026-11-22 01:52:09.425746+00', '01a200f4-232f-7d4c-885a-774b46061daa'),
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f4-10ec-77cc-b488-ef3690f92cf7', '01a200f4-1102-7494-911a-8a8f5a6c49ae', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-71ab6a0cb39e50b586531b6b7f18fb8d-a1', 'b84740c4beeb63ddb65ffea9c59bd3447cea6e3c143cfd1d04437d1e57469cae', 'ACKED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:52:09.985653+00', '2026-11-22 01:52:09.985653+00', '2026-11-22 01:52:16.985653+00', '2026-11-23 01:52:03.985653+00', NULL, 0, NULL, NULL, NULL, '01a200f4-2512-768c-9ebf-4bcc63f97ad5', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:52:09.425746+00', '2026-11-22 01:52:10.007274+00', '01a200f4-2382-7bec-924a-85e7dde2c729'),
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f4-10ec-77cc-b488-ef3690f92cf7', '01a200f4-1102-74bd-9b64-e61414a8da51', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-9b8284e44a815fceaf76477a5fd3083b-a1', 'b84740c4beeb63ddb65ffea9c59bd3447cea6e3c143cfd1d04437d1e57469cae', 'ACKED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:52:09.985722+00', '2026-11-22 01:52:09.985722+00', '2026-11-22 01:52:16.985722+00', '2026-11-23 01:52:03.985722+00', NULL, 0, NULL, NULL, NULL, '01a200f4-2512-768c-9ebf-4bcd7e366f67', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:52:09.425746+00', '2026-11-22 01:52:10.007347+00', '01a200f4-2382-7d6d-b790-7f8de61b1365'),
	('01a200f4-10bc-7585-8518-80556e410d9d', NULL, NULL, '01a200f3-d719-74ac-8dad-b622de137b78', 'first-landing', 1, 'baton-1e9007a84ed6577dbaf1d8355ef33394-a1', 'c8b9d7a02197152205ab70fd6bfe100b449fd315f87f899573ac8659b4f350b1', 'ACKED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:52:05.119126+00', '2026-11-22 01:52:05.119126+00', '2026-11-22 01:52:12.119126+00', '2026-11-23 01:51:59.119126+00', NULL, 0, NULL, NULL, NULL, '01a200f4-2ea8-7017-be6c-56734f1a22bf', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:12.460834+00', '01a200f4-10d0-7768-83a8-27d95eea03b2'),
	('01a200f4-3cad-76e6-843d-16d6f6a37af8', NULL, NULL, '01a200f3-d719-74ac-8dad-b622de137b78', 'first-landing', 1, 'baton-7fc926f2ec27597eba913c489f043e05-a1', 'f7525e890ff31801585613710455353d9f106365b2a0e2ad23c81023b8a34efb', 'ACKED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:52:16.13558+00', '2026-11-22 01:52:16.135581+00', '2026-11-22 01:52:23.135581+00', '2026-11-23 01:52:10.135581+00', NULL, 0, NULL, NULL, NULL, '01a200f4-3efb-753f-8ccd-32c1fa0a8de4', NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:52:16.04161+00', '2026-11-22 01:52:16.638776+00', '01a200f4-3cb0-791a-a5ef-f806867584cd'),
	('01a200f4-3f76-74ba-9688-f0ccb87e4f98', NULL, NULL, '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-2f6ebb5c91f15861980b4c3d6df52d76-a1', 'b84740c4beeb63ddb65ffea9c59bd3447cea6e3c143cfd1d04437d1e57469cae', 'AMBIGUOUS', 100, '2026-11-22 01:52:23.837201+00', NULL, NULL, 1, 1, '2026-11-22 01:52:16.837201+00', '2026-11-22 01:52:16.837201+00', '2026-11-22 01:52:23.837201+00', '2026-11-23 01:52:10.837201+00', NULL, 0, NULL, NULL, NULL, NULL, NULL, 'no answer within 2 s', NULL, NULL, NULL, NULL, false, '2026-11-22 01:52:16.745977+00', '2026-11-22 01:52:18.856576+00', '01a200f4-3f78-7364-9f5c-993c0d7a7d09'),
	('01a200f4-2f11-70f4-9576-1482a967b2b8', NULL, NULL, '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-9fd1fe70e5f251208c7b3eafc1c35fee-a1', 'b84740c4beeb63ddb65ffea9c59bd3447cea6e3c143cfd1d04437d1e57469cae', 'ACKED', 100, NULL, NULL, NULL, 1, 1, '2026-11-22 01:52:12.621462+00', '2026-11-22 01:52:12.621462+00', '2026-11-22 01:52:19.621462+00', '2026-11-23 01:52:06.621462+00', NULL, 0, NULL, NULL, NULL, '01a200f4-2fbc-71a2-b17a-546ddf2e3806', NULL, NULL, '2026-11-22 01:52:12.823658+00', NULL, '2026-11-22 01:52:25.220787+00', '2026-11-22 01:57:12.823658+00', false, '2026-11-22 01:52:12.555858+00', '2026-11-22 01:52:12.823659+00', '01a200f4-2f15-7a29-a33a-5cfbb13a5699'),
	('01a200f4-4061-7767-b286-6f32760faab9', NULL, NULL, '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 1, 'baton-aa93c8a4f1ac55179c0e8e9f610ccab5-a1', 'b84740c4beeb63ddb65ffea9c59bd3447cea6e3c143cfd1d04437d1e57469cae', 'SENT', 100, '2026-11-22 01:52:28.360298+00', '01a200f4-5385-77a1-9f2a-f79f746ff759', '2026-11-22 01:52:28.360298+00', 1, 1, '2026-11-22 01:52:23.360298+00', '2026-11-22 01:52:23.360298+00', '2026-11-22 01:52:30.360298+00', '2026-11-23 01:52:17.360299+00', NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-22 01:52:16.969458+00', '2026-11-22 01:52:23.360299+00', '01a200f4-4063-7c56-973c-7867c1a393c9');

INSERT INTO public.embedded_task VALUES
	('01a200f3-d719-74ac-8dad-b622de137b78', 'baton-8e473b4f01775720ac71f6ce94665616-a1', 'f122cf54925de61463f840e4553aad8f9895b4e9ac80e37fcd2d3a42cf158b69', 'demo.flaky', '{}', 'failed', 'first-landing-14998/1-1aebfde7', NULL, false, 'fail', NULL, '2026-11-22 01:52:01.003771+00', '2026-11-22 01:52:01.032063+00', NULL, 'ConnectionError: attempt 1: the host did not answer', 'Traceback (most recent call last):
  File "/older/operator/baton_operator/worker/invoke.py", line 104, in invoke
    value = stopper.run_sync(lambda: task.function(**keywords))
            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/older/operator/baton_operator/worker/invoke.py", line 63, in run_sync
    return function()
           ^^^^^^^^^^
  File "/older/operator/baton_operator/worker/invoke.py", line 104, in <lambda>
    value = stopper.run_sync(lambda: task.function(**keywords))
                                     ^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/older/operator/baton_operator/worker/demo.py", line 24, in flaky
    raise ConnectionError(f"attempt {context.attempt}: the host did not answer")
ConnectionError: attempt 1: the host did not answer
', '2026-11-22 01:52:00.950643+00', '2026-11-22 01:52:01.030071+00', '01a200f4-01b0-729d-b70b-1e2b3bbd0244'),
	('01a200f3-d719-74ac-8dad-b622de137b78', 'baton-3e7635328d8e5cb0a78f5405aca5ee73-a1', 'f7525e890ff31801585613710455353d9f106365b2a0e2ad23c81023b8a34efb', 'demo.hello', '{"name": "Ada"}', 'succeeded', 'first-landing-14998/1-1aebfde7', NULL, false, 'fail', NULL, '2026-11-22 01:52:01.323801+00', '2026-11-22 01:52:01.335608+00', '{"greeting": "Hello, Ada!"}', NULL, '2026-11-22 01:52:01,327 INFO saying hello to Ada
', '2026-11-22 01:52:00.950643+00', '2026-11-22 01:52:01.33511+00', '01a200f4-01b0-729d-b70b-1e2c9bf2b54f'),
	('01a200f3-d719-74ac-8dad-b622de137b78', 'baton-8e473b4f01775720ac71f6ce94665616-a2', 'f122cf54925de61463f840e4553aad8f9895b4e9ac80e37fcd2d3a42cf158b69', 'demo.flaky', '{}', 'succeeded', 'first-landing-14998/1-1aebfde7', NULL, false, 'fail', NULL, '2026-11-22 01:52:02.327251+00', '2026-11-22 01:52:02.333433+00', '{"attempts": 2}', NULL, '', '2026-11-22 01:52:02.23818+00', '2026-11-22 01:52:02.332665+00', '01a200f4-06bd-7130-a8dd-672c6419703b'),
	('01a200f3-d719-74ac-8dad-b622de137b78', 'baton-1e9007a84ed6577dbaf1d8355ef33394-a1', 'c8b9d7a02197152205ab70fd6bfe100b449fd315f87f899573ac8659b4f350b1', 'demo.sleep', '{"seconds": "900"}', 'running', 'first-landing-14998/1-1aebfde7', '2026-11-22 01:52:27.472103+00', false, 'fail', NULL, '2026-11-22 01:52:12.472104+00', NULL, NULL, NULL, 'sleeping 900 s
', '2026-11-22 01:52:07.876302+00', '2026-11-22 01:52:12.479052+00', '01a200f4-15f8-72e6-8ea4-eab28f3592bc'),
	('01a200f3-d719-74ac-8dad-b622de137b78', 'baton-7fc926f2ec27597eba913c489f043e05-a1', 'f7525e890ff31801585613710455353d9f106365b2a0e2ad23c81023b8a34efb', 'demo.hello', '{"name": "Ada"}', 'queued', NULL, NULL, false, 'fail', NULL, NULL, NULL, NULL, NULL, '', '2026-11-22 01:52:16.630684+00', '2026-11-22 01:52:16.630684+00', '01a200f4-3ef5-7194-9b9a-f4925b569f4d');

INSERT INTO public.engine VALUES
	('first-landing', 'a6e4a4da-6424-4270-bae2-408d87921bd2', 1, 'tasks', 'Embedded', '{"type": "Embedded", "limits": {"burst": 200, "maxInFlight": 100, "requestsPerSecond": 200}, "suspend": false, "tracking": {"interval": "1s", "idleInterval": "2s"}, "submission": {"memory": "24h", "onAmbiguous": "Hold", "visibilityLag": "1s"}, "circuitBreaker": {"window": "60s", "openFor": "60s", "failureRatio": "0.5", "minimumRequests": 20}}', false, NULL, NULL, 'ee8469691787e0ca37106bef3647fc886f2bd3679bd9f72f15ca232bf8bf42bc', '2026-11-22 01:51:50.034606+00', '2026-11-22 01:51:50.034606+00', NULL, NULL, 1, true, '01a200f3-d719-74ac-8dad-b622de137b78'),
	('first-landing', '6ffabbea-5853-4204-b1b1-4b372b243e51', 1, 'argo', 'Argo', '{"url": "http://argo.example", "type": "Argo", "limits": {"burst": 200, "maxInFlight": 100, "requestsPerSecond": 200}, "suspend": false, "tracking": {"interval": "1s", "idleInterval": "2s"}, "submission": {"memory": "24h", "onAmbiguous": "Hold", "visibilityLag": "1s"}, "circuitBreaker": {"window": "60s", "openFor": "60s", "failureRatio": "0.5", "minimumRequests": 20}}', false, NULL, NULL, '7c671c65b2d359ddd9a017428e2affdef7d6840629906fbfcba5afff804c4f54', '2026-11-22 01:51:49.575069+00', '2026-11-22 01:51:49.575069+00', NULL, NULL, 1, true, '01a200f3-d556-717f-8b48-2a3c4e80ac28');

INSERT INTO public.engine_health VALUES
	('01a200f3-d719-74ac-8dad-b622de137b78', 'ProbeSucceeded', 'TokenAccepted', NULL, '', '0.1.0', '["BulkStatus", "Cancel", "FindByToken", "Logs"]', 'EffectivelyOnce', NULL, NULL, '2026-11-22 01:51:51.096465+00', 0, '2026-11-22 01:52:53.379668+00', '2026-11-22 01:53:21.487843+00', 199, '2026-11-22 01:52:16.115301+00', 'closed', NULL, NULL, 0, 0, NULL, '01a200f3-da5f-733f-a728-33195df0e507'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'ProbeSucceeded', 'TokenAccepted', NULL, '', 'v0.0.0+unknown', '["BulkStatus", "Cancel", "FindByToken", "Hints", "Logs", "Nodes", "Retry"]', 'EffectivelyOnce', NULL, NULL, '2026-11-22 01:51:50.9716+00', 0, '2026-11-22 01:52:53.379737+00', '2026-11-22 01:53:21.487874+00', 199, '2026-11-22 01:52:22.949611+00', 'closed', NULL, NULL, 0, 0, NULL, '01a200f3-d68f-7160-aec0-19b7559a3029');

INSERT INTO public.instance_state_history VALUES
	('01a200f3-df4d-720d-a7e1-4722a7fb7ade', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:51:52.210154+00', '2026-11-22 01:51:52.145967+00', NULL, '01a200f3-df92-7288-892a-f6fd486dc27c'),
	('01a200f3-df4d-720d-a7e1-4723471dd18f', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:51:52.210942+00', '2026-11-22 01:51:52.145967+00', NULL, '01a200f3-df92-7f1e-b2ef-364a61df00f0'),
	('01a200f3-df4d-720d-a7e1-4724155a8415', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:51:52.210964+00', '2026-11-22 01:51:52.145967+00', NULL, '01a200f3-df92-7f6c-94be-97351dc13ef1'),
	('01a200f3-df4d-720d-a7e1-4725d9cf0e01', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:51:52.21097+00', '2026-11-22 01:51:52.145967+00', NULL, '01a200f3-df92-7f85-92aa-08f34e90f3f6'),
	('01a200f3-df4d-720d-a7e1-47266f43ec3c', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:51:52.210974+00', '2026-11-22 01:51:52.145967+00', NULL, '01a200f3-df92-7f95-933c-8d5b720e8449'),
	('01a200f3-df4d-720d-a7e1-4722a7fb7ade', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:51:55.037454+00', '2026-11-22 01:51:55.026642+00', NULL, '01a200f3-ea9d-7750-be21-45a9f4603650'),
	('01a200f3-df4d-720d-a7e1-4723471dd18f', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:51:55.0375+00', '2026-11-22 01:51:55.026642+00', NULL, '01a200f3-ea9d-7804-b15a-a84c4ee653ed'),
	('01a200f3-df4d-720d-a7e1-4724155a8415', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:51:55.037508+00', '2026-11-22 01:51:55.026642+00', NULL, '01a200f3-ea9d-7821-a85d-d1d2e53e66d1'),
	('01a200f3-df4d-720d-a7e1-4722a7fb7ade', 3, 'PROCESSING', 'FAILED', 'Failed', '2026-11-22 01:51:55.045202+00', '2026-11-22 01:51:55.026642+00', NULL, '01a200f3-eaa5-7343-83d4-472f31ef81a2'),
	('01a200f3-df4d-720d-a7e1-4723471dd18f', 3, 'PROCESSING', 'FAILED', 'Failed', '2026-11-22 01:51:55.045239+00', '2026-11-22 01:51:55.026642+00', NULL, '01a200f3-eaa5-73d3-a7a3-e37e6b3a7624'),
	('01a200f3-df4d-720d-a7e1-4724155a8415', 3, 'PROCESSING', 'COMPLETED', 'Succeeded', '2026-11-22 01:51:55.045246+00', '2026-11-22 01:51:55.026642+00', NULL, '01a200f3-eaa5-73ef-a25a-a87c80964848'),
	('01a200f3-df4d-720d-a7e1-4725d9cf0e01', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:51:55.045252+00', '2026-11-22 01:51:55.026642+00', NULL, '01a200f3-eaa5-7409-86e0-2b6b194b57bf'),
	('01a200f3-df4d-720d-a7e1-47266f43ec3c', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:51:55.045259+00', '2026-11-22 01:51:55.026642+00', NULL, '01a200f3-eaa5-7425-8ab0-d5229ec4afce'),
	('01a200f3-f15b-747d-9c7a-16bbfc1695b7', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:51:56.800474+00', '2026-11-22 01:51:56.796269+00', NULL, '01a200f3-f180-77a2-94ac-cdc3faf62509'),
	('01a200f3-f15b-747d-9c7a-16bbfc1695b7', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:51:57.279422+00', '2026-11-22 01:51:57.271715+00', NULL, '01a200f3-f35f-76d1-8348-aa48043a933b'),
	('01a200f3-df4d-720d-a7e1-4725d9cf0e01', 3, 'PROCESSING', 'CANCELLED', 'Cancelled', '2026-11-22 01:51:57.284688+00', '2026-11-22 01:51:57.271715+00', NULL, '01a200f3-f364-7b0a-a488-9ee872304705'),
	('01a200f3-df4d-720d-a7e1-47266f43ec3c', 3, 'PROCESSING', 'CANCELLED', 'Cancelled', '2026-11-22 01:51:57.284724+00', '2026-11-22 01:51:57.271715+00', NULL, '01a200f3-f364-7b95-b7f9-e85dc3cd380a'),
	('01a200f3-f15b-747d-9c7a-16bbfc1695b7', 3, 'PROCESSING', 'FAILED', 'Failed', '2026-11-22 01:51:57.284731+00', '2026-11-22 01:51:57.271715+00', NULL, '01a200f3-f364-7bb2-84d7-cd3260a8f9f1'),
	('01a200f4-01bc-70cc-8421-ca228a98b4f4', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:52:00.964017+00', '2026-11-22 01:52:00.960428+00', NULL, '01a200f4-01c4-7056-bc6f-063e9bb6f6bb'),
	('01a200f4-01bc-70cc-8421-ca23a3ebaa6a', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:52:00.964114+00', '2026-11-22 01:52:00.960428+00', NULL, '01a200f4-01c4-71d7-b530-924b1d71fc10'),
	('01a200f4-01bc-70cc-8421-ca228a98b4f4', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:52:01.067058+00', '2026-11-22 01:52:01.030071+00', NULL, '01a200f4-022b-70fe-90e0-8766bf05d4be'),
	('01a200f4-01bc-70cc-8421-ca228a98b4f4', 3, 'PROCESSING', 'FAILED', 'TaskError', '2026-11-22 01:52:01.069901+00', '2026-11-22 01:52:01.030071+00', NULL, '01a200f4-022d-7e77-8134-8eb7026779c0'),
	('01a200f4-01bc-70cc-8421-ca23a3ebaa6a', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:52:01.339364+00', '2026-11-22 01:52:01.33511+00', NULL, '01a200f4-033b-75df-88af-4b2d937abf93'),
	('01a200f4-01bc-70cc-8421-ca23a3ebaa6a', 3, 'PROCESSING', 'COMPLETED', 'Succeeded', '2026-11-22 01:52:01.34207+00', '2026-11-22 01:52:01.33511+00', NULL, '01a200f4-033e-7127-8074-830a438b53f9'),
	('01a200f4-06e7-7421-aa0f-ad170c16d6ab', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:52:02.317373+00', '2026-11-22 01:52:02.305277+00', NULL, '01a200f4-070d-7604-b64e-1ded4aa44c0c'),
	('01a200f4-06e7-7421-aa0f-ad170c16d6ab', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:52:02.337294+00', '2026-11-22 01:52:02.332665+00', NULL, '01a200f4-0721-74c0-92a2-ef453d67f57b'),
	('01a200f4-06e7-7421-aa0f-ad170c16d6ab', 3, 'PROCESSING', 'COMPLETED', 'Succeeded', '2026-11-22 01:52:02.340728+00', '2026-11-22 01:52:02.332665+00', NULL, '01a200f4-0724-7bae-b110-e54097e88a5e'),
	('01a200f4-1179-76de-a050-f52928869b7a', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:52:04.99372+00', '2026-11-22 01:52:04.98867+00', NULL, '01a200f4-1181-7b91-bd05-e25e20279655'),
	('01a200f4-1179-76de-a050-f52aa26be939', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:52:04.993751+00', '2026-11-22 01:52:04.98867+00', NULL, '01a200f4-1181-7c04-a133-49c1c82fabf7'),
	('01a200f4-1179-76de-a050-f52928869b7a', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:52:05.351984+00', '2026-11-22 01:52:05.108056+00', NULL, '01a200f4-12e7-7fca-b157-b2456467b8ee'),
	('01a200f4-1179-76de-a050-f52aa26be939', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:52:05.352028+00', '2026-11-22 01:52:05.108056+00', NULL, '01a200f4-12e8-7077-afbc-aa70debb15af'),
	('01a200f4-18e2-7101-b5d0-9cb5aad535f9', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:52:07.592277+00', '2026-11-22 01:52:07.008118+00', NULL, '01a200f4-1ba8-7487-a374-b457f160f2b6'),
	('01a200f4-18e2-7101-b5d0-9cb67cac6df4', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:52:07.592389+00', '2026-11-22 01:52:07.008118+00', NULL, '01a200f4-1ba8-763a-aca8-9c5b27b43344'),
	('01a200f4-18e2-7101-b5d0-9cb742172faa', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:52:07.592397+00', '2026-11-22 01:52:07.008118+00', NULL, '01a200f4-1ba8-765a-a253-48c88a31ad36'),
	('01a200f4-18e2-7101-b5d0-9cb82c7cffcc', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:52:07.592401+00', '2026-11-22 01:52:07.008118+00', NULL, '01a200f4-1ba8-766f-80ea-43efd6d07aa6'),
	('01a200f4-18e2-7101-b5d0-9cb5aad535f9', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:52:09.43451+00', '2026-11-22 01:52:09.425746+00', NULL, '01a200f4-22da-7845-9569-f2830909c262'),
	('01a200f4-18e2-7101-b5d0-9cb742172faa', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:52:09.435782+00', '2026-11-22 01:52:09.425746+00', NULL, '01a200f4-22db-7c90-aaae-531e0ddd3b2c'),
	('01a200f4-18e2-7101-b5d0-9cb82c7cffcc', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:52:09.435817+00', '2026-11-22 01:52:09.425746+00', NULL, '01a200f4-22db-7d16-8271-36729bd84281'),
	('01a200f4-18e2-7101-b5d0-9cb5aad535f9', 3, 'PROCESSING', 'FAILED', 'Failed', '2026-11-22 01:52:09.447315+00', '2026-11-22 01:52:09.425746+00', NULL, '01a200f4-22e7-7517-91cb-ada73318b913'),
	('01a200f4-18e2-7101-b5d0-9cb67cac6df4', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:52:09.447349+00', '2026-11-22 01:52:09.425746+00', NULL, '01a200f4-22e7-7596-95d8-6da9d8fd2a2b'),
	('01a200f4-18e2-7101-b5d0-9cb742172faa', 3, 'PROCESSING', 'COMPLETED', 'Succeeded', '2026-11-22 01:52:09.447356+00', '2026-11-22 01:52:09.425746+00', NULL, '01a200f4-22e7-75b2-a9c3-8122f20a47f9'),
	('01a200f4-18e2-7101-b5d0-9cb82c7cffcc', 3, 'PROCESSING', 'COMPLETED', 'Succeeded', '2026-11-22 01:52:09.447362+00', '2026-11-22 01:52:09.425746+00', NULL, '01a200f4-22e7-75cb-afde-140f34cbdc3c'),
	('01a200f4-2512-768c-9ebf-4bcc63f97ad5', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:52:10.007974+00', '2026-11-22 01:52:10.004773+00', NULL, '01a200f4-2517-7fa6-894d-a1f802f72d06'),
	('01a200f4-2512-768c-9ebf-4bcd7e366f67', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:52:10.007998+00', '2026-11-22 01:52:10.004773+00', NULL, '01a200f4-2517-7ff8-bf83-d5235436a665'),
	('01a200f4-2512-768c-9ebf-4bcc63f97ad5', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:52:11.210181+00', '2026-11-22 01:52:11.206296+00', NULL, '01a200f4-29ca-72f6-a1f8-d12777bc3f3c'),
	('01a200f4-2512-768c-9ebf-4bcd7e366f67', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:52:11.210236+00', '2026-11-22 01:52:11.206296+00', NULL, '01a200f4-29ca-73c7-972e-fe68440f7312'),
	('01a200f4-2ea8-7017-be6c-56734f1a22bf', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:52:12.462344+00', '2026-11-22 01:52:12.459086+00', NULL, '01a200f4-2eae-7591-a1c9-64af786dae9c'),
	('01a200f4-2fbc-71a2-b17a-546ddf2e3806', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:52:12.742835+00', '2026-11-22 01:52:12.735807+00', NULL, '01a200f4-2fc6-7d68-8a5e-76e8cb86ac6a'),
	('01a200f4-2ea8-7017-be6c-56734f1a22bf', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:52:12.770119+00', '2026-11-22 01:52:12.766207+00', NULL, '01a200f4-2fe2-71f8-aa69-85c9e3cc8bff'),
	('01a200f4-2fbc-71a2-b17a-546ddf2e3806', 2, 'PENDING', 'PROCESSING', 'Running', '2026-11-22 01:52:15.891035+00', '2026-11-22 01:52:15.873305+00', NULL, '01a200f4-3c13-7098-9885-0a6b9d46d0d3'),
	('01a200f4-3efb-753f-8ccd-32c1fa0a8de4', 1, NULL, 'PENDING', 'Dispatched', '2026-11-22 01:52:16.640651+00', '2026-11-22 01:52:16.636812+00', NULL, '01a200f4-3f00-7a77-9e6b-d04deb601328');

INSERT INTO public.item VALUES
	('01a200f3-db44-73be-9652-059cf6734b83', 0, '{"secs": "100ms"}', '2026-11-22 01:51:51.090405+00', '2026-11-22 01:51:51.090405+00', NULL, NULL, 1, true, '01a200f3-db48-734e-a6ed-59f6d3f01c0c'),
	('01a200f3-db44-73be-9652-059cf6734b83', 1, '{"secs": "100ms"}', '2026-11-22 01:51:51.090405+00', '2026-11-22 01:51:51.090405+00', NULL, NULL, 1, true, '01a200f3-db48-734e-a6ed-59f765800d3d'),
	('01a200f3-db44-73be-9652-059cf6734b83', 2, '{"secs": "900s"}', '2026-11-22 01:51:51.090405+00', '2026-11-22 01:51:51.090405+00', NULL, NULL, 1, true, '01a200f3-db48-734e-a6ed-59f8b58c46ec'),
	('01a200f3-db44-73be-9652-059cf6734b83', 3, '{"secs": "900s"}', '2026-11-22 01:51:51.090405+00', '2026-11-22 01:51:51.090405+00', NULL, NULL, 1, true, '01a200f3-db48-734e-a6ed-59f97000eea8'),
	('01a200f3-db44-73be-9652-059cf6734b83', 4, '{"secs": "1s"}', '2026-11-22 01:51:51.090405+00', '2026-11-22 01:51:51.090405+00', NULL, NULL, 1, true, '01a200f3-db48-734e-a6ed-59fa65861244'),
	('01a200f3-db44-73be-9652-059cf6734b83', 5, '{"secs": "1s"}', '2026-11-22 01:51:51.090405+00', '2026-11-22 01:51:51.090405+00', NULL, NULL, 1, true, '01a200f3-db48-734e-a6ed-59fb9f7a42b6');

INSERT INTO public.item_execution VALUES
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f4-10ec-77cc-b488-ef3690f92cf7', '01a200f3-db48-734e-a6ed-59fa65861244', 4, 'b37291cd54ad560ab6475d49347986b9', NULL, NULL, 'PENDING', 'Queued', NULL, NULL, 0, 1, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:04.781082+00', NULL, NULL, 1, true, '01a200f4-1102-74dd-ae9b-b3ec87f5a7d5'),
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f4-10ec-77cc-b488-ef3690f92cf7', '01a200f3-db48-734e-a6ed-59fb9f7a42b6', 5, 'f850e45d7e9a54b68697c50e366b9cf3', NULL, NULL, 'PENDING', 'Queued', NULL, NULL, 0, 1, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:04.781082+00', NULL, NULL, 1, true, '01a200f4-1102-74fa-bfd2-8f6345421aa9'),
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f4-10ec-77cc-b488-ef3690f92cf7', '01a200f3-db48-734e-a6ed-59f6d3f01c0c', 0, '4ba6201d6bff53d9b23342f5f29174ec', NULL, NULL, 'COMPLETED', 'Succeeded', '2026-11-22 01:52:05.130716+00', '2026-11-22 01:52:09.470055+00', 1, 1, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:09.470055+00', NULL, NULL, 3, true, '01a200f4-1101-7e63-8cc1-7c378de68087'),
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f4-10ec-77cc-b488-ef3690f92cf7', '01a200f3-db48-734e-a6ed-59f765800d3d', 1, 'db2690f11d1c5acf88e9f9ca49d3d794', NULL, NULL, 'COMPLETED', 'Succeeded', '2026-11-22 01:52:05.130768+00', '2026-11-22 01:52:09.472229+00', 1, 1, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:09.472229+00', NULL, NULL, 3, true, '01a200f4-1102-744e-8860-e1aa59d100ee'),
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f4-10ec-77cc-b488-ef3690f92cf7', '01a200f3-db48-734e-a6ed-59f8b58c46ec', 2, '71ab6a0cb39e50b586531b6b7f18fb8d', NULL, NULL, 'PROCESSING', 'Dispatched', '2026-11-22 01:52:09.985802+00', NULL, 1, 1, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:09.985802+00', NULL, NULL, 2, true, '01a200f4-1102-7494-911a-8a8f5a6c49ae'),
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f4-10ec-77cc-b488-ef3690f92cf7', '01a200f3-db48-734e-a6ed-59f97000eea8', 3, '9b8284e44a815fceaf76477a5fd3083b', NULL, NULL, 'PROCESSING', 'Dispatched', '2026-11-22 01:52:09.98588+00', NULL, 1, 1, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:09.98588+00', NULL, NULL, 2, true, '01a200f4-1102-74bd-9b64-e61414a8da51');

INSERT INTO public.item_state_history VALUES
	('01a200f4-1101-7e63-8cc1-7c378de68087', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:04.871265+00', '2026-11-22 01:52:04.781082+00', 'admin', '01a200f4-1107-744e-a198-990636148be5'),
	('01a200f4-1102-744e-8860-e1aa59d100ee', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:04.874778+00', '2026-11-22 01:52:04.781082+00', 'admin', '01a200f4-110a-7c87-9e84-a74cb862425f'),
	('01a200f4-1102-7494-911a-8a8f5a6c49ae', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:04.8748+00', '2026-11-22 01:52:04.781082+00', 'admin', '01a200f4-110a-7cd1-9ca9-0575b7fbdbf1'),
	('01a200f4-1102-74bd-9b64-e61414a8da51', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:04.874806+00', '2026-11-22 01:52:04.781082+00', 'admin', '01a200f4-110a-7ce9-9e2b-824dc345d298'),
	('01a200f4-1102-74dd-ae9b-b3ec87f5a7d5', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:04.874811+00', '2026-11-22 01:52:04.781082+00', 'admin', '01a200f4-110a-7cfa-9b2c-b03a860c8199'),
	('01a200f4-1102-74fa-bfd2-8f6345421aa9', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:04.874815+00', '2026-11-22 01:52:04.781082+00', 'admin', '01a200f4-110a-7d0e-89b8-7a8b19a0c5d0'),
	('01a200f4-1101-7e63-8cc1-7c378de68087', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:05.132639+00', '2026-11-22 01:52:05.088237+00', NULL, '01a200f4-120c-7a42-894b-0817b11d2320'),
	('01a200f4-1102-744e-8860-e1aa59d100ee', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:05.132712+00', '2026-11-22 01:52:05.088237+00', NULL, '01a200f4-120c-7b64-a93d-efcad9e14895'),
	('01a200f4-1101-7e63-8cc1-7c378de68087', 3, 'PROCESSING', 'COMPLETED', 'Succeeded', '2026-11-22 01:52:09.472442+00', '2026-11-22 01:52:09.425746+00', NULL, '01a200f4-2300-771b-a206-a6ef134930d8'),
	('01a200f4-1102-744e-8860-e1aa59d100ee', 3, 'PROCESSING', 'COMPLETED', 'Succeeded', '2026-11-22 01:52:09.4725+00', '2026-11-22 01:52:09.425746+00', NULL, '01a200f4-2300-7800-bcb6-ff34f8c6c887'),
	('01a200f4-1102-7494-911a-8a8f5a6c49ae', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:09.98618+00', '2026-11-22 01:52:09.973763+00', NULL, '01a200f4-2502-72f1-9407-5bcc2e706ed9'),
	('01a200f4-1102-74bd-9b64-e61414a8da51', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:09.986237+00', '2026-11-22 01:52:09.973763+00', NULL, '01a200f4-2502-73cb-892d-6b1ba2fec564');

INSERT INTO public.orchestration_instance VALUES
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-8c9d131452fe5a768fee3c437ffe51d6-a1/79ec07ab-d92a-44cb-b4ee-2d6a660aa801', 0, NULL, 1, 'Failed', 'http://argo.example/workflows/first-landing/baton-8c9d131452fe5a768fee3c437ffe51d6-a1?uid=79ec07ab-d92a-44cb-b4ee-2d6a660aa801', NULL, NULL, NULL, NULL, NULL, 'FAILED', 'Failed', '2026-11-22 01:51:52+00', '2026-11-22 01:51:52+00', '2026-11-22 01:51:52.145967+00', '2026-11-22 01:51:55.044935+00', NULL, NULL, 3, true, '01a200f3-df4d-720d-a7e1-4722a7fb7ade'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-e7e71c0372f056deb94ec49616e1b216-a1/394387b5-aecc-473c-81ab-d4d3484259a7', 0, NULL, 1, 'Failed', 'http://argo.example/workflows/first-landing/baton-e7e71c0372f056deb94ec49616e1b216-a1?uid=394387b5-aecc-473c-81ab-d4d3484259a7', NULL, NULL, NULL, NULL, NULL, 'FAILED', 'Failed', '2026-11-22 01:51:52+00', '2026-11-22 01:51:52+00', '2026-11-22 01:51:52.145967+00', '2026-11-22 01:51:55.044976+00', NULL, NULL, 3, true, '01a200f3-df4d-720d-a7e1-4723471dd18f'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-825fe50fd05658098567d3c7276bff3b-a1/849394d2-ac43-418c-9e0e-e04fc3127bfb', 0, NULL, 1, 'Succeeded', 'http://argo.example/workflows/first-landing/baton-825fe50fd05658098567d3c7276bff3b-a1?uid=849394d2-ac43-418c-9e0e-e04fc3127bfb', NULL, NULL, NULL, NULL, NULL, 'COMPLETED', 'Succeeded', '2026-11-22 01:51:52+00', '2026-11-22 01:51:52+00', '2026-11-22 01:51:52.145967+00', '2026-11-22 01:51:55.044992+00', NULL, NULL, 3, true, '01a200f3-df4d-720d-a7e1-4724155a8415'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-293194e189ac5ae4837c8a5787fa4b2c-a1/c480ea59-d183-48b4-b60d-7212c3090522', 3, NULL, 1, 'Failed', 'http://argo.example/workflows/first-landing/baton-293194e189ac5ae4837c8a5787fa4b2c-a1?uid=c480ea59-d183-48b4-b60d-7212c3090522', NULL, NULL, NULL, NULL, NULL, 'CANCELLED', 'Cancelled', '2026-11-22 01:51:52+00', '2026-11-22 01:51:55+00', '2026-11-22 01:51:52.145967+00', '2026-11-22 01:51:57.284462+00', NULL, NULL, 3, true, '01a200f3-df4d-720d-a7e1-4725d9cf0e01'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-eda84b733f535e8ba5b9809d70127f19-a1/f50f8595-1975-4ff7-9b3e-e200a9e156ce', 4, NULL, 1, 'Failed', 'http://argo.example/workflows/first-landing/baton-eda84b733f535e8ba5b9809d70127f19-a1?uid=f50f8595-1975-4ff7-9b3e-e200a9e156ce', NULL, NULL, NULL, NULL, NULL, 'CANCELLED', 'Cancelled', '2026-11-22 01:51:52+00', '2026-11-22 01:51:56+00', '2026-11-22 01:51:52.145967+00', '2026-11-22 01:51:57.284509+00', NULL, NULL, 3, true, '01a200f3-df4d-720d-a7e1-47266f43ec3c'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-8c9d131452fe5a768fee3c437ffe51d6-a2/0cad9ea2-0728-467d-ad20-7b7263ee6215', 0, NULL, 2, 'Failed', 'http://argo.example/workflows/first-landing/baton-8c9d131452fe5a768fee3c437ffe51d6-a2?uid=0cad9ea2-0728-467d-ad20-7b7263ee6215', NULL, NULL, NULL, NULL, NULL, 'FAILED', 'Failed', '2026-11-22 01:51:56+00', '2026-11-22 01:51:56+00', '2026-11-22 01:51:56.796269+00', '2026-11-22 01:51:57.28452+00', NULL, NULL, 3, true, '01a200f3-f15b-747d-9c7a-16bbfc1695b7'),
	('01a200f3-d719-74ac-8dad-b622de137b78', 'embedded/baton-8e473b4f01775720ac71f6ce94665616-a1', 0, NULL, 1, 'failed', NULL, NULL, NULL, NULL, NULL, NULL, 'FAILED', 'TaskError', '2026-11-22 01:52:01.003771+00', '2026-11-22 01:52:01.032063+00', '2026-11-22 01:52:00.960428+00', '2026-11-22 01:52:01.0694+00', NULL, NULL, 3, true, '01a200f4-01bc-70cc-8421-ca228a98b4f4'),
	('01a200f3-d719-74ac-8dad-b622de137b78', 'embedded/baton-3e7635328d8e5cb0a78f5405aca5ee73-a1', 0, NULL, 1, 'succeeded', NULL, NULL, NULL, NULL, NULL, NULL, 'COMPLETED', 'Succeeded', '2026-11-22 01:52:01.323801+00', '2026-11-22 01:52:01.335608+00', '2026-11-22 01:52:00.960428+00', '2026-11-22 01:52:01.341919+00', NULL, NULL, 3, true, '01a200f4-01bc-70cc-8421-ca23a3ebaa6a'),
	('01a200f3-d719-74ac-8dad-b622de137b78', 'embedded/baton-8e473b4f01775720ac71f6ce94665616-a2', 0, NULL, 2, 'succeeded', NULL, NULL, NULL, NULL, NULL, NULL, 'COMPLETED', 'Succeeded', '2026-11-22 01:52:02.327251+00', '2026-11-22 01:52:02.333433+00', '2026-11-22 01:52:02.305277+00', '2026-11-22 01:52:02.3405+00', NULL, NULL, 3, true, '01a200f4-06e7-7421-aa0f-ad170c16d6ab'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-204c801adce752ea99e14030d626966e-a1/716b5fe7-9ea7-4fac-a12d-b7eef95f1c4e', NULL, NULL, 1, 'Running', 'http://argo.example/workflows/first-landing/baton-204c801adce752ea99e14030d626966e-a1?uid=716b5fe7-9ea7-4fac-a12d-b7eef95f1c4e', NULL, NULL, NULL, NULL, NULL, 'PROCESSING', 'Running', '2026-11-22 01:52:05+00', NULL, '2026-11-22 01:52:04.98867+00', '2026-11-22 01:52:05.351799+00', NULL, NULL, 2, true, '01a200f4-1179-76de-a050-f52928869b7a'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-9ac1d27e273a5e23ab00066f0d5ad53e-a1/97100d98-fcd8-401b-859e-e9aba90c412e', NULL, NULL, 1, 'Running', 'http://argo.example/workflows/first-landing/baton-9ac1d27e273a5e23ab00066f0d5ad53e-a1?uid=97100d98-fcd8-401b-859e-e9aba90c412e', NULL, NULL, NULL, NULL, NULL, 'PROCESSING', 'Running', '2026-11-22 01:52:05+00', NULL, '2026-11-22 01:52:04.98867+00', '2026-11-22 01:52:05.351892+00', NULL, NULL, 2, true, '01a200f4-1179-76de-a050-f52aa26be939'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-833b40839b015eb080aee50c267a9f42-a1/96e1b2e9-cc90-4411-b9a4-b3550976eeb0', 0, NULL, 1, 'Failed', 'http://argo.example/workflows/first-landing/baton-833b40839b015eb080aee50c267a9f42-a1?uid=96e1b2e9-cc90-4411-b9a4-b3550976eeb0', NULL, NULL, NULL, NULL, NULL, 'FAILED', 'Failed', '2026-11-22 01:52:06+00', '2026-11-22 01:52:06+00', '2026-11-22 01:52:07.008118+00', '2026-11-22 01:52:09.447122+00', NULL, NULL, 3, true, '01a200f4-18e2-7101-b5d0-9cb5aad535f9'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-96957234de5859739d8e72d83f412989-a1/23de02a2-639b-47b4-a719-226a16c3a197', NULL, NULL, 1, 'Running', 'http://argo.example/workflows/first-landing/baton-96957234de5859739d8e72d83f412989-a1?uid=23de02a2-639b-47b4-a719-226a16c3a197', NULL, NULL, NULL, NULL, NULL, 'PROCESSING', 'Running', '2026-11-22 01:52:06+00', NULL, '2026-11-22 01:52:07.008118+00', '2026-11-22 01:52:09.447179+00', NULL, NULL, 2, true, '01a200f4-18e2-7101-b5d0-9cb67cac6df4'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-4ba6201d6bff53d9b23342f5f29174ec-a1/dcc46e5c-32e0-4acc-94a9-2a7d72b6485f', 1, NULL, 1, 'Succeeded', 'http://argo.example/workflows/first-landing/baton-4ba6201d6bff53d9b23342f5f29174ec-a1?uid=dcc46e5c-32e0-4acc-94a9-2a7d72b6485f', NULL, NULL, NULL, NULL, NULL, 'COMPLETED', 'Succeeded', '2026-11-22 01:52:06+00', '2026-11-22 01:52:07+00', '2026-11-22 01:52:07.008118+00', '2026-11-22 01:52:09.447195+00', NULL, NULL, 3, true, '01a200f4-18e2-7101-b5d0-9cb742172faa'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-db2690f11d1c5acf88e9f9ca49d3d794-a1/ba190476-2a76-40cb-849d-f249f147f5c8', 1, NULL, 1, 'Succeeded', 'http://argo.example/workflows/first-landing/baton-db2690f11d1c5acf88e9f9ca49d3d794-a1?uid=ba190476-2a76-40cb-849d-f249f147f5c8', NULL, NULL, NULL, NULL, NULL, 'COMPLETED', 'Succeeded', '2026-11-22 01:52:06+00', '2026-11-22 01:52:07+00', '2026-11-22 01:52:07.008118+00', '2026-11-22 01:52:09.447204+00', NULL, NULL, 3, true, '01a200f4-18e2-7101-b5d0-9cb82c7cffcc'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-71ab6a0cb39e50b586531b6b7f18fb8d-a1/41cec6b7-86a7-4b24-bf31-2dd432086b1f', NULL, NULL, 1, 'Running', 'http://argo.example/workflows/first-landing/baton-71ab6a0cb39e50b586531b6b7f18fb8d-a1?uid=41cec6b7-86a7-4b24-bf31-2dd432086b1f', NULL, NULL, NULL, NULL, NULL, 'PROCESSING', 'Running', '2026-11-22 01:52:10+00', NULL, '2026-11-22 01:52:10.004773+00', '2026-11-22 01:52:11.210043+00', NULL, NULL, 2, true, '01a200f4-2512-768c-9ebf-4bcc63f97ad5'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-9b8284e44a815fceaf76477a5fd3083b-a1/a0d5788b-8204-42c4-9104-8468358ca7cd', NULL, NULL, 1, 'Running', 'http://argo.example/workflows/first-landing/baton-9b8284e44a815fceaf76477a5fd3083b-a1?uid=a0d5788b-8204-42c4-9104-8468358ca7cd', NULL, NULL, NULL, NULL, NULL, 'PROCESSING', 'Running', '2026-11-22 01:52:10+00', NULL, '2026-11-22 01:52:10.004773+00', '2026-11-22 01:52:11.210116+00', NULL, NULL, 2, true, '01a200f4-2512-768c-9ebf-4bcd7e366f67'),
	('01a200f3-d719-74ac-8dad-b622de137b78', 'embedded/baton-1e9007a84ed6577dbaf1d8355ef33394-a1', NULL, NULL, 1, 'running', NULL, NULL, NULL, NULL, NULL, NULL, 'PROCESSING', 'Running', '2026-11-22 01:52:12.472104+00', NULL, '2026-11-22 01:52:12.459086+00', '2026-11-22 01:52:12.769199+00', NULL, NULL, 2, true, '01a200f4-2ea8-7017-be6c-56734f1a22bf'),
	('01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing/baton-9fd1fe70e5f251208c7b3eafc1c35fee-a1/b660ba16-7974-435a-b176-b212ee3821fd', NULL, NULL, 1, 'Running', 'http://argo.example/workflows/first-landing/baton-9fd1fe70e5f251208c7b3eafc1c35fee-a1?uid=b660ba16-7974-435a-b176-b212ee3821fd', NULL, NULL, NULL, NULL, NULL, 'PROCESSING', 'Running', '2026-11-22 01:52:12+00', NULL, '2026-11-22 01:52:12.735807+00', '2026-11-22 01:52:15.890855+00', NULL, NULL, 2, true, '01a200f4-2fbc-71a2-b17a-546ddf2e3806'),
	('01a200f3-d719-74ac-8dad-b622de137b78', 'embedded/baton-7fc926f2ec27597eba913c489f043e05-a1', NULL, NULL, 1, 'queued', NULL, NULL, NULL, NULL, NULL, NULL, 'PENDING', 'Dispatched', NULL, NULL, '2026-11-22 01:52:16.636812+00', '2026-11-22 01:52:16.636812+00', NULL, NULL, 1, true, '01a200f4-3efb-753f-8ccd-32c1fa0a8de4');

INSERT INTO public.run VALUES
	('01a200f3-db93-70e8-af44-86f6d89425f9', '01a200f3-dba0-70f6-999c-e22ec7bc4990', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 'c3bdde62-52d1-46c6-847b-d90e52fb8cd6', 1, 'fine-1', NULL, NULL, NULL, 'Succeeded', 'Run', 'Active', 10, false, 0, 1, 'Accepted', NULL, '{"fail": "no", "secs": "100ms"}', 100, '825fe50fd05658098567d3c7276bff3b', '2026-11-22 01:51:51.55133+00', false, true, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-352b09b7d4e1bc9ad3648ce9a664f8d1-eded2d58e6250bfb-01', NULL, NULL, 3, '2026-11-22 01:51:57.057857+00', 'e1cd01e27586d815c83850d9782e508acc28eb1930db0e6adf3f0c3aea81dd7b', 'COMPLETED', 'Succeeded', '2026-11-22 01:51:52.002411+00', '2026-11-22 01:51:55.091253+00', '2026-11-22 01:51:51.55133+00', '2026-11-22 01:51:55.091253+00', 'admin', NULL, 3, true, '01a200f3-dd6a-7603-a423-75a6d9b980a1'),
	('01a200f3-db00-72d2-9f32-7c30e399138e', '01a200f3-db1b-7496-ab29-a49b26df69c6', '01a200f3-d719-74ac-8dad-b622de137b78', 'first-landing', '0fc49953-d8e0-49e4-a897-674345d54610', 1, 'flaky-1', NULL, NULL, NULL, 'succeeded', 'Run', 'Active', 10, false, 0, 2, 'Accepted', NULL, '{}', 100, '8e473b4f01775720ac71f6ce94665616', '2026-11-22 01:51:51.55133+00', false, true, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-30bb333aaae736d322dc7bff195d266d-3ca1258e8997db5c-01', NULL, NULL, 5, '2026-11-22 01:52:03.30662+00', 'b1b4e206fe802970dbc40f252deff14b31228616856d01fd83ca30f58997aa82', 'COMPLETED', 'Succeeded', '2026-11-22 01:51:51.995218+00', '2026-11-22 01:52:02.373567+00', '2026-11-22 01:51:51.55133+00', '2026-11-22 01:52:02.373567+00', 'admin', NULL, 5, true, '01a200f3-dd6a-7603-a423-75a78da2829c'),
	('01a200f3-db51-753f-ac6a-6c8e3e159908', '01a200f3-db65-7100-aa28-fb9aae8eaa5a', '01a200f3-d719-74ac-8dad-b622de137b78', 'first-landing', '07a49b8c-dd60-464d-8974-5f5066b82887', 1, 'told-1', NULL, NULL, NULL, 'succeeded', 'Run', 'Active', 10, false, 0, 1, 'Accepted', NULL, '{"name": "Ada"}', 100, '3e7635328d8e5cb0a78f5405aca5ee73', '2026-11-22 01:51:51.55133+00', false, true, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-c4be6faa54c77660c05c2235dce01db0-4d2b002d329b4c38-01', NULL, NULL, 3, '2026-11-22 01:52:03.306809+00', '47d52fc0f315a6c1a2838af7329d0d17e642d67e8c3c5aafed020e01b2d268bf', 'COMPLETED', 'Succeeded', '2026-11-22 01:51:51.99551+00', '2026-11-22 01:52:01.408179+00', '2026-11-22 01:51:51.55133+00', '2026-11-22 01:52:01.408179+00', 'admin', NULL, 3, true, '01a200f3-dd6a-7603-a423-75aaaaed0790'),
	('01a200f3-dc08-71f2-8264-63fdbd80c381', '01a200f3-dc22-72b4-a446-c1003089c867', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 'e5b7d009-57de-4891-b2f1-d726c304697f', 1, 'hasty-1', NULL, 'out of time (timeouts of the Automation)', 'out of time: timeouts.run of the Automation is over', 'Failed', 'Run', 'Active', 10, false, 0, 1, 'Accepted', NULL, '{"fail": "no", "secs": "900s"}', 100, '293194e189ac5ae4837c8a5787fa4b2c', '2026-11-22 01:51:51.55133+00', false, true, NULL, 1, 60, '2026-11-22 01:51:53.002423+00', '2026-11-22 01:51:53.606563+00', 'TimedOut', NULL, NULL, NULL, '00-9a196bed660828cd560b8cea4c45e381-e77dc6791a43c259-01', NULL, NULL, 4, '2026-11-22 01:51:57.790682+00', 'e13c4249bd9e6a8b2897ceb066d6f14c4a5c42887b526172925cd95b7897ca28', 'FAILED', 'TimedOut', '2026-11-22 01:51:52.002424+00', '2026-11-22 01:51:57.313443+00', '2026-11-22 01:51:51.55133+00', '2026-11-22 01:51:57.313443+00', 'admin', NULL, 4, true, '01a200f3-dd6a-7603-a423-75a82fbf645b'),
	('01a200f3-db93-70e8-af44-86f6d89425f9', '01a200f3-dba0-70f6-999c-e22ec7bc4990', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', '70354322-b40b-4a56-8a4e-e769c02a8111', 1, 'bad-1', NULL, NULL, 'step group deemed errored due to child baton-e7e71c0372f056deb94ec49616e1b216-a1[1].check error: unable to parse bogus as a duration: time: invalid duration "bogus"', 'Failed', 'Run', 'Active', 10, false, 0, 1, 'Accepted', NULL, '{"fail": "yes", "secs": "100ms"}', 100, 'e7e71c0372f056deb94ec49616e1b216', '2026-11-22 01:51:51.55133+00', false, true, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-7ec17da24911d265ce7ca05a7baab8eb-d11a9370c472b0ee-01', NULL, NULL, 3, '2026-11-22 01:51:57.057981+00', '7ad2aca5bd20eb37727cd22e87f8b437dfaa0e99e6fac5110e39bf10cdba413b', 'FAILED', 'Failed', '2026-11-22 01:51:52.002391+00', '2026-11-22 01:51:55.091174+00', '2026-11-22 01:51:51.55133+00', '2026-11-22 01:51:55.091174+00', 'admin', NULL, 3, true, '01a200f3-dd6a-7603-a423-75a5bf56a30c'),
	('01a200f3-dbc0-777d-b5bf-e544adf13e90', '01a200f3-dbca-75d8-9510-6754dfaf3ba4', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', '98746b05-c4a0-4a8f-a04d-358240cb76cc', 1, 'again-1', NULL, NULL, 'step group deemed errored due to child baton-8c9d131452fe5a768fee3c437ffe51d6-a2[1].check error: unable to parse bogus as a duration: time: invalid duration "bogus"', 'Failed', 'Run', 'Active', 10, false, 0, 2, 'Accepted', NULL, '{"fail": "yes", "secs": "100ms"}', 100, '8c9d131452fe5a768fee3c437ffe51d6', '2026-11-22 01:51:51.55133+00', false, true, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-8db574addeeaad20542cea3b8b5791af-080306ce551cd4e7-01', NULL, NULL, 5, '2026-11-22 01:51:57.790823+00', '99bf077f2d77f151b6b519e1515d4a44690d946e7e5bd8ab3508bba580d0162f', 'FAILED', 'Failed', '2026-11-22 01:51:52.000095+00', '2026-11-22 01:51:57.31351+00', '2026-11-22 01:51:51.55133+00', '2026-11-22 01:51:57.31351+00', 'admin', NULL, 5, true, '01a200f3-dd6a-7603-a423-75a4f6c78a5a'),
	('01a200f3-db93-70e8-af44-86f6d89425f9', '01a200f3-dba0-70f6-999c-e22ec7bc4990', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 'c125086b-445b-4b81-b7b0-a4ee44de8039', 2, 'stopped-1', NULL, 'not wanted', 'Stopped with strategy ''Stop''', 'Failed', 'Run', 'Cancelled', 10, false, 0, 1, 'Accepted', NULL, '{"fail": "no", "secs": "900s"}', 100, 'eda84b733f535e8ba5b9809d70127f19', '2026-11-22 01:51:51.55133+00', false, true, NULL, NULL, 300, NULL, '2026-11-22 01:51:56.09163+00', 'Cancelled', NULL, NULL, NULL, '00-976530d54c42cfbc45ead63e7a096135-67fac41285af8f34-01', NULL, NULL, 5, '2026-11-22 01:51:57.790843+00', 'c2d3c39a1d09cd542e20325c426241a4118038bf7e0d25020dc8152aac48c89f', 'CANCELLED', 'Cancelled', '2026-11-22 01:51:52.002521+00', '2026-11-22 01:51:57.313532+00', '2026-11-22 01:51:51.55133+00', '2026-11-22 01:51:57.313532+00', 'admin', 'admin', 5, true, '01a200f3-dd6a-7603-a423-75a9e2f5e8e1'),
	('01a200f3-db93-70e8-af44-86f6d89425f9', '01a200f3-dba0-70f6-999c-e22ec7bc4990', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 'bd7991f1-3476-474b-83ef-9ef62897b291', 1, 'held', NULL, NULL, NULL, NULL, 'Run', 'Suspended', 10, false, 0, 1, 'Accepted', NULL, '{"fail": "no", "secs": "100ms"}', 100, '6043dba27e68554f944650e46de29f81', NULL, false, false, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-cc0a4f01342beee700c69c1322c71cd1-c7253916badc5eb8-01', NULL, NULL, 1, '2026-11-22 01:52:09.91362+00', 'd209aaa03d3efb5db7d65cd335139612dc8d5fe92b663c677c763a3775e34ce9', 'PENDING', 'Suspended', NULL, NULL, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:04.781082+00', 'admin', NULL, 1, true, '01a200f4-10bc-7585-8518-80536d0e0221'),
	('01a200f3-db93-70e8-af44-86f6d89425f9', '01a200f3-dba0-70f6-999c-e22ec7bc4990', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 'e8955429-9a94-4866-9f71-5348531d1546', 1, 'long-1', NULL, NULL, NULL, 'Running', 'Run', 'Active', 10, false, 0, 1, 'Accepted', NULL, '{"fail": "no", "secs": "900s"}', 100, '204c801adce752ea99e14030d626966e', '2026-11-22 01:52:04.265592+00', false, false, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-41c6a1f75fd75ecf632dae94e07cf8f5-2feb0567b940fae5-01', NULL, NULL, 2, '2026-11-22 01:52:11.024059+00', '164cf463ba02e85ca7c2187ac51913ac7e16ac70e011f0126ffecfc267617b0e', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:04.869068+00', NULL, '2026-11-22 01:52:04.265592+00', '2026-11-22 01:52:04.869068+00', 'admin', NULL, 2, true, '01a200f4-1041-7204-a364-38e5b8d8dd86'),
	('01a200f3-db93-70e8-af44-86f6d89425f9', '01a200f3-dba0-70f6-999c-e22ec7bc4990', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', '57d657a8-cd32-4891-aead-c2907f4d20f5', 1, 'long-2', NULL, NULL, NULL, 'Running', 'Run', 'Active', 10, false, 0, 1, 'Accepted', NULL, '{"fail": "no", "secs": "900s"}', 100, '9ac1d27e273a5e23ab00066f0d5ad53e', '2026-11-22 01:52:04.265592+00', false, false, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-325e63e42f523da075c2f25ee371d539-a0bab856dbbc9a13-01', NULL, NULL, 2, '2026-11-22 01:52:11.024224+00', '3cbe5f83c156ceb16701050bf47a5563bb878001ac54d7ca3f7f17a230b1f255', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:04.869149+00', NULL, '2026-11-22 01:52:04.265592+00', '2026-11-22 01:52:04.869149+00', 'admin', NULL, 2, true, '01a200f4-1041-7204-a364-38e68481a007'),
	('01a200f3-dc8e-7172-8376-a990cb163e95', '01a200f3-dc9a-7081-ad2a-41c08168c633', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', '832b0a4f-de5d-4b39-9f33-2fa1efdf8545', 1, 'in-queue', NULL, NULL, NULL, NULL, 'Run', 'Active', 10, false, 0, 1, 'Accepted', NULL, '{"fail": "no", "secs": "100ms"}', 100, 'eb645ba58d62583f9b310dfc99434675', NULL, false, false, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-dfac40d285fe13e205ea3481401bd7ed-bfa8f94564736e2b-01', NULL, NULL, 1, '2026-11-22 01:52:11.024246+00', '63620a1e9b1668511714399f12ea027a5466f4e9d254f9a8cead3f10dfa31816', 'PENDING', 'Queued', NULL, NULL, '2026-11-22 01:52:09.920965+00', '2026-11-22 01:52:09.920965+00', 'admin', NULL, 1, true, '01a200f4-2500-727f-b33a-24a00583dfce'),
	('01a200f3-dcbd-74fb-874b-09bc9bfde1e7', '01a200f3-dcd3-7270-a299-0d0109632b14', '01a200f3-d719-74ac-8dad-b622de137b78', 'first-landing', '8772eb4b-acad-45c2-974e-c40443dc106f', 1, 'asleep', NULL, NULL, NULL, 'running', 'Run', 'Active', 10, false, 0, 1, 'Accepted', NULL, '{"seconds": "900"}', 100, '1e9007a84ed6577dbaf1d8355ef33394', '2026-11-22 01:52:04.781082+00', false, false, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-12a3faf2cc6ce6df0a7fcad29e54194b-7b934857c5e825b3-01', NULL, NULL, 2, '2026-11-22 01:52:18.443899+00', '28dd8fcfa158b734a1313ae715cb2ad3c83cd01cf1f1be1b90b5c81d6325de1b', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:05.119266+00', NULL, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:05.119266+00', 'admin', NULL, 2, true, '01a200f4-10bc-7585-8518-80556e410d9d'),
	('01a200f3-dc45-77a0-8365-924f8003c647', '01a200f3-dc5a-7004-a874-864452a912a9', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 'e99ebdf4-a126-4db5-895f-0dc50af53501', 1, 'retry-later', NULL, NULL, 'step group deemed errored due to child baton-833b40839b015eb080aee50c267a9f42-a1[1].check error: unable to parse bogus as a duration: time: invalid duration "bogus"', 'Failed', 'Run', 'Active', 10, false, 0, 2, 'Accepted', NULL, '{"fail": "yes", "secs": "100ms"}', 100, '833b40839b015eb080aee50c267a9f42', '2026-11-22 01:52:04.781082+00', false, false, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-34c5e5077db1ced7ae1e98c3be6a539a-4044f6214b979aba-01', NULL, NULL, 3, '2026-11-22 01:52:11.024265+00', '32f589f39b9f3c98c57d4e0ed8782a598931d113aa914cb9a723d2199dcd04d0', 'RETRYING', 'Retrying', '2026-11-22 01:52:05.130609+00', NULL, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:09.493581+00', 'admin', NULL, 3, true, '01a200f4-10bc-7585-8518-8054f31cbdbd'),
	('01a200f3-db3a-7466-8d22-20e592203ab1', '01a200f3-db3e-733f-b953-ee520f6eb8d5', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 'e4da283e-558a-4329-86d8-0d09edb6cf0e', 1, 'fleet', NULL, NULL, NULL, NULL, 'Item', 'Active', 2, false, 0, 1, 'Accepted', NULL, '{"secs": null}', 100, 'ba4732243da155b6bad7854eb8874c65', '2026-11-22 01:52:04.884522+00', false, false, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-9657a8c7f6ddb911e5a1213a8d8a7c21-48a3cfbf57e10df2-01', NULL, NULL, 2, '2026-11-22 01:52:11.024281+00', 'e93d93caf2d94c95b59964da4b944fd487e3f3224a73381f1a0aa96ff1934085', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:05.130532+00', NULL, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:05.130532+00', 'admin', NULL, 2, true, '01a200f4-10bc-7585-8518-805118016f2f'),
	('01a200f3-dc8e-7172-8376-a990cb163e95', '01a200f3-dc9a-7081-ad2a-41c08168c633', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', '89388d96-7ba2-49ec-b7ab-34ec6e5d33a5', 1, 'in-place', NULL, NULL, NULL, 'Running', 'Run', 'Active', 10, false, 0, 1, 'Accepted', NULL, '{"fail": "no", "secs": "900s"}', 100, '96957234de5859739d8e72d83f412989', '2026-11-22 01:52:04.884816+00', false, false, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-6f5edb38d3e3f77bbcd7b38fcae412a7-676b8fcffbfec03d-01', NULL, NULL, 2, '2026-11-22 01:52:15.664086+00', '46265b6aa2e315147af2fac8626be3e679f095af1d243d638f1bb33a4fe344c5', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:05.130592+00', NULL, '2026-11-22 01:52:04.781082+00', '2026-11-22 01:52:05.130592+00', 'admin', NULL, 2, true, '01a200f4-10bc-7585-8518-8052ccb8864a'),
	('01a200f3-db93-70e8-af44-86f6d89425f9', '01a200f3-dba0-70f6-999c-e22ec7bc4990', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', '89260b55-c0ba-4931-a842-dcf61c5c7bca', 2, 'stopping', NULL, 'not wanted', NULL, 'Running', 'Run', 'Cancelled', 10, false, 0, 1, 'Accepted', NULL, '{"fail": "no", "secs": "900s"}', 100, '9fd1fe70e5f251208c7b3eafc1c35fee', '2026-11-22 01:52:12.555858+00', false, false, NULL, NULL, 300, NULL, '2026-11-22 01:52:12.81938+00', 'Cancelled', NULL, NULL, NULL, '00-4169396c233c0c6d406547ae1cb95ecf-bd422e507df816ba-01', '2026-11-22 01:52:20.901921+00', NULL, 4, '2026-11-22 01:52:15.664342+00', '0c8797a8eba78eaeb670f3b7e7483f3ebbaf73db994dc255db6c0ff86ace0fe2', 'PROCESSING', 'Cancelling', '2026-11-22 01:52:12.621604+00', NULL, '2026-11-22 01:52:12.555858+00', '2026-11-22 01:52:12.81938+00', 'admin', 'admin', 4, true, '01a200f4-2f11-70f4-9576-1482a967b2b8'),
	('01a200f3-db51-753f-ac6a-6c8e3e159908', '01a200f3-db65-7100-aa28-fb9aae8eaa5a', '01a200f3-d719-74ac-8dad-b622de137b78', 'first-landing', 'ceb638e9-58d2-4a56-a7ee-b7c913f3a55f', 1, 'queued', NULL, NULL, NULL, NULL, 'Run', 'Active', 10, false, 0, 1, 'Accepted', NULL, '{"name": "Ada"}', 100, '7fc926f2ec27597eba913c489f043e05', '2026-11-22 01:52:16.04161+00', false, false, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-d39c832dcb6c33daaa3793228190e6e2-ec6424d8781b6c1e-01', NULL, NULL, 2, '2026-11-22 01:52:16.760067+00', '365797bf21491483ddcc9c97ad899e62fd33f9779abb22f4051e8d69af1a2f9f', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:16.135743+00', NULL, '2026-11-22 01:52:16.04161+00', '2026-11-22 01:52:16.135744+00', 'admin', NULL, 2, true, '01a200f4-3cad-76e6-843d-16d6f6a37af8'),
	('01a200f3-db93-70e8-af44-86f6d89425f9', '01a200f3-dba0-70f6-999c-e22ec7bc4990', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', '0a99073f-ec14-49bd-9e58-7fe70fb52d02', 1, 'answer-lost', NULL, NULL, NULL, NULL, 'Run', 'Active', 10, false, 0, 1, 'Accepted', NULL, '{"fail": "no", "secs": "900s"}', 100, '2f6ebb5c91f15861980b4c3d6df52d76', '2026-11-22 01:52:16.745977+00', false, false, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-b697774c681136431e12897e0470f004-b43acd2074bbf98c-01', NULL, NULL, 2, '2026-11-22 01:52:17.785102+00', '2924886ce7ba1bccf91c8f624ac191a70dd99eaab5f0dccaad85875a67de7799', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:16.837318+00', NULL, '2026-11-22 01:52:16.745977+00', '2026-11-22 01:52:16.837318+00', 'admin', NULL, 2, true, '01a200f4-3f76-74ba-9688-f0ccb87e4f98'),
	('01a200f3-db93-70e8-af44-86f6d89425f9', '01a200f3-dba0-70f6-999c-e22ec7bc4990', '01a200f3-d556-717f-8b48-2a3c4e80ac28', 'first-landing', 'f646be59-640f-4438-8246-2da6d6c75001', 1, 'never-there', NULL, NULL, NULL, NULL, 'Run', 'Active', 10, false, 0, 1, 'Accepted', NULL, '{"fail": "no", "secs": "900s"}', 100, 'aa93c8a4f1ac55179c0e8e9f610ccab5', '2026-11-22 01:52:16.969458+00', false, false, NULL, NULL, 300, NULL, NULL, NULL, NULL, NULL, NULL, '00-af3230d739e34674fba253040ece76a2-159518a636f683bd-01', NULL, NULL, 1, '2026-11-22 01:52:18.444069+00', '7566aea89e2aa1ff826969d5ee551daccffd63a652c7078a8cfef5caa822080a', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:23.360426+00', NULL, '2026-11-22 01:52:16.969458+00', '2026-11-22 01:52:23.360426+00', 'admin', NULL, 2, true, '01a200f4-4061-7767-b286-6f32760faab9');

INSERT INTO public.run_orchestration VALUES
	('01a200f3-dd6a-7603-a423-75a4f6c78a5a', '01a200f3-df4d-720d-a7e1-4722a7fb7ade', '2026-11-22 01:51:52.15521+00', '2026-11-22 01:51:52.145967+00', '2026-11-22 01:51:52.145967+00', NULL, NULL, 1, true, '01a200f3-df5b-735c-a420-cfacbd6beac7'),
	('01a200f3-dd6a-7603-a423-75a5bf56a30c', '01a200f3-df4d-720d-a7e1-4723471dd18f', '2026-11-22 01:51:52.155579+00', '2026-11-22 01:51:52.145967+00', '2026-11-22 01:51:52.145967+00', NULL, NULL, 1, true, '01a200f3-df5b-7944-99f4-945969d88bfc'),
	('01a200f3-dd6a-7603-a423-75a6d9b980a1', '01a200f3-df4d-720d-a7e1-4724155a8415', '2026-11-22 01:51:52.155589+00', '2026-11-22 01:51:52.145967+00', '2026-11-22 01:51:52.145967+00', NULL, NULL, 1, true, '01a200f3-df5b-796d-851a-10c3e5d535f0'),
	('01a200f3-dd6a-7603-a423-75a82fbf645b', '01a200f3-df4d-720d-a7e1-4725d9cf0e01', '2026-11-22 01:51:52.155595+00', '2026-11-22 01:51:52.145967+00', '2026-11-22 01:51:52.145967+00', NULL, NULL, 1, true, '01a200f3-df5b-7985-887d-ae0f31e2c114'),
	('01a200f3-dd6a-7603-a423-75a9e2f5e8e1', '01a200f3-df4d-720d-a7e1-47266f43ec3c', '2026-11-22 01:51:52.1556+00', '2026-11-22 01:51:52.145967+00', '2026-11-22 01:51:52.145967+00', NULL, NULL, 1, true, '01a200f3-df5b-799a-8132-960096c88c11'),
	('01a200f3-dd6a-7603-a423-75a4f6c78a5a', '01a200f3-f15b-747d-9c7a-16bbfc1695b7', '2026-11-22 01:51:56.800085+00', '2026-11-22 01:51:56.796269+00', '2026-11-22 01:51:56.796269+00', NULL, NULL, 1, true, '01a200f3-f180-7160-9349-8290b5fdbb3f'),
	('01a200f3-dd6a-7603-a423-75a78da2829c', '01a200f4-01bc-70cc-8421-ca228a98b4f4', '2026-11-22 01:52:00.962074+00', '2026-11-22 01:52:00.960428+00', '2026-11-22 01:52:00.960428+00', NULL, NULL, 1, true, '01a200f4-01c2-7133-9337-252d9b1b7299'),
	('01a200f3-dd6a-7603-a423-75aaaaed0790', '01a200f4-01bc-70cc-8421-ca23a3ebaa6a', '2026-11-22 01:52:00.962155+00', '2026-11-22 01:52:00.960428+00', '2026-11-22 01:52:00.960428+00', NULL, NULL, 1, true, '01a200f4-01c2-727b-b8bd-a21bdc7c8cb1'),
	('01a200f3-dd6a-7603-a423-75a78da2829c', '01a200f4-06e7-7421-aa0f-ad170c16d6ab', '2026-11-22 01:52:02.312158+00', '2026-11-22 01:52:02.305277+00', '2026-11-22 01:52:02.305277+00', NULL, NULL, 1, true, '01a200f4-0708-7288-969c-8c8678343c70'),
	('01a200f4-1041-7204-a364-38e5b8d8dd86', '01a200f4-1179-76de-a050-f52928869b7a', '2026-11-22 01:52:04.9924+00', '2026-11-22 01:52:04.98867+00', '2026-11-22 01:52:04.98867+00', NULL, NULL, 1, true, '01a200f4-1180-766a-8d77-4c4037a6e5e8'),
	('01a200f4-1041-7204-a364-38e68481a007', '01a200f4-1179-76de-a050-f52aa26be939', '2026-11-22 01:52:04.992461+00', '2026-11-22 01:52:04.98867+00', '2026-11-22 01:52:04.98867+00', NULL, NULL, 1, true, '01a200f4-1180-7760-9d9d-3a7dfc5aca4c'),
	('01a200f4-10bc-7585-8518-8054f31cbdbd', '01a200f4-18e2-7101-b5d0-9cb5aad535f9', '2026-11-22 01:52:07.588543+00', '2026-11-22 01:52:07.008118+00', '2026-11-22 01:52:07.008118+00', NULL, NULL, 1, true, '01a200f4-1ba4-78b4-9584-1d01881c4217'),
	('01a200f4-10bc-7585-8518-8052ccb8864a', '01a200f4-18e2-7101-b5d0-9cb67cac6df4', '2026-11-22 01:52:07.588722+00', '2026-11-22 01:52:07.008118+00', '2026-11-22 01:52:07.008118+00', NULL, NULL, 1, true, '01a200f4-1ba4-7b8d-a7fb-0c250f29d6f1'),
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f4-18e2-7101-b5d0-9cb742172faa', '2026-11-22 01:52:07.58873+00', '2026-11-22 01:52:07.008118+00', '2026-11-22 01:52:07.008118+00', NULL, NULL, 1, true, '01a200f4-1ba4-7bae-bfb2-4b058fd97aa7'),
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f4-18e2-7101-b5d0-9cb82c7cffcc', '2026-11-22 01:52:07.588735+00', '2026-11-22 01:52:07.008118+00', '2026-11-22 01:52:07.008118+00', NULL, NULL, 1, true, '01a200f4-1ba4-7bc3-9257-8f255250110e'),
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f4-2512-768c-9ebf-4bcc63f97ad5', '2026-11-22 01:52:10.007445+00', '2026-11-22 01:52:10.004773+00', '2026-11-22 01:52:10.004773+00', NULL, NULL, 1, true, '01a200f4-2517-771f-83b1-15f34abd946e'),
	('01a200f4-10bc-7585-8518-805118016f2f', '01a200f4-2512-768c-9ebf-4bcd7e366f67', '2026-11-22 01:52:10.007492+00', '2026-11-22 01:52:10.004773+00', '2026-11-22 01:52:10.004773+00', NULL, NULL, 1, true, '01a200f4-2517-77e0-8815-1046c6d6d949'),
	('01a200f4-10bc-7585-8518-80556e410d9d', '01a200f4-2ea8-7017-be6c-56734f1a22bf', '2026-11-22 01:52:12.46107+00', '2026-11-22 01:52:12.459086+00', '2026-11-22 01:52:12.459086+00', NULL, NULL, 1, true, '01a200f4-2ead-7123-8f58-ca84ffa19e82'),
	('01a200f4-2f11-70f4-9576-1482a967b2b8', '01a200f4-2fbc-71a2-b17a-546ddf2e3806', '2026-11-22 01:52:12.74238+00', '2026-11-22 01:52:12.735807+00', '2026-11-22 01:52:12.735807+00', NULL, NULL, 1, true, '01a200f4-2fc6-7619-a990-6fc8a6e13f96'),
	('01a200f4-3cad-76e6-843d-16d6f6a37af8', '01a200f4-3efb-753f-8ccd-32c1fa0a8de4', '2026-11-22 01:52:16.639021+00', '2026-11-22 01:52:16.636812+00', '2026-11-22 01:52:16.636812+00', NULL, NULL, 1, true, '01a200f4-3eff-705b-9eab-cedbac989e70');

INSERT INTO public.run_progress VALUES
	('01a200f4-10bc-7585-8518-805118016f2f', 'Item', 6, 2, 2, 2, 0, 0, 0, 5, '01a200f4-10ee-7b71-aa21-a20a61d8a7af');

INSERT INTO public.run_state_history VALUES
	('01a200f3-dd6a-7603-a423-75a4f6c78a5a', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:51:51.693338+00', '2026-11-22 01:51:51.55133+00', 'admin', '01a200f3-dd8d-7579-ad95-ed346ce016b3'),
	('01a200f3-dd6a-7603-a423-75a5bf56a30c', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:51:51.69351+00', '2026-11-22 01:51:51.55133+00', 'admin', '01a200f3-dd8d-782d-87f6-cdb20ed3e7ab'),
	('01a200f3-dd6a-7603-a423-75a6d9b980a1', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:51:51.69352+00', '2026-11-22 01:51:51.55133+00', 'admin', '01a200f3-dd8d-7852-8528-54fc6c48d88b'),
	('01a200f3-dd6a-7603-a423-75a78da2829c', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:51:51.693525+00', '2026-11-22 01:51:51.55133+00', 'admin', '01a200f3-dd8d-7867-8098-bfbcb9efa863'),
	('01a200f3-dd6a-7603-a423-75a82fbf645b', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:51:51.693529+00', '2026-11-22 01:51:51.55133+00', 'admin', '01a200f3-dd8d-7876-9584-84e0ac4cef82'),
	('01a200f3-dd6a-7603-a423-75a9e2f5e8e1', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:51:51.693533+00', '2026-11-22 01:51:51.55133+00', 'admin', '01a200f3-dd8d-7887-9c46-a5ffffc969d2'),
	('01a200f3-dd6a-7603-a423-75aaaaed0790', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:51:51.693537+00', '2026-11-22 01:51:51.55133+00', 'admin', '01a200f3-dd8d-7898-b014-58268eaf9f4e'),
	('01a200f3-dd6a-7603-a423-75a78da2829c', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:51:51.996228+00', '2026-11-22 01:51:51.942143+00', NULL, '01a200f3-debc-73b2-af09-2a46f102d8ac'),
	('01a200f3-dd6a-7603-a423-75aaaaed0790', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:51:51.996821+00', '2026-11-22 01:51:51.942143+00', NULL, '01a200f3-debc-7d2b-a783-4e6a5cea7c90'),
	('01a200f3-dd6a-7603-a423-75a4f6c78a5a', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:51:52.00264+00', '2026-11-22 01:51:51.942263+00', NULL, '01a200f3-dec2-7a41-a0f2-c482d675f856'),
	('01a200f3-dd6a-7603-a423-75a5bf56a30c', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:51:52.002695+00', '2026-11-22 01:51:51.942263+00', NULL, '01a200f3-dec2-7b23-9b86-b5007114cb4b'),
	('01a200f3-dd6a-7603-a423-75a6d9b980a1', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:51:52.002703+00', '2026-11-22 01:51:51.942263+00', NULL, '01a200f3-dec2-7b3f-a801-adbce96a52f9'),
	('01a200f3-dd6a-7603-a423-75a82fbf645b', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:51:52.002709+00', '2026-11-22 01:51:51.942263+00', NULL, '01a200f3-dec2-7b58-bbbc-cb20b913206f'),
	('01a200f3-dd6a-7603-a423-75a9e2f5e8e1', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:51:52.002714+00', '2026-11-22 01:51:51.942263+00', NULL, '01a200f3-dec2-7b6c-ae9f-c91ab714448b'),
	('01a200f3-dd6a-7603-a423-75a4f6c78a5a', 3, 'PROCESSING', 'RETRYING', 'Retrying', '2026-11-22 01:51:55.099771+00', '2026-11-22 01:51:55.026642+00', NULL, '01a200f3-eadb-7c62-ad37-9d0b6d66afb9'),
	('01a200f3-dd6a-7603-a423-75a5bf56a30c', 3, 'PROCESSING', 'FAILED', 'Failed', '2026-11-22 01:51:55.099834+00', '2026-11-22 01:51:55.026642+00', NULL, '01a200f3-eadb-7d5c-900c-f539c1c4259d'),
	('01a200f3-dd6a-7603-a423-75a6d9b980a1', 3, 'PROCESSING', 'COMPLETED', 'Succeeded', '2026-11-22 01:51:55.099842+00', '2026-11-22 01:51:55.026642+00', NULL, '01a200f3-eadb-7d7d-b284-e7d4d5a08a02'),
	('01a200f3-dd6a-7603-a423-75a4f6c78a5a', 4, 'RETRYING', 'PROCESSING', 'Dispatched', '2026-11-22 01:51:56.607027+00', '2026-11-22 01:51:56.543104+00', NULL, '01a200f3-f0bf-707b-9005-c8ca79c14833'),
	('01a200f3-dd6a-7603-a423-75a82fbf645b', 3, 'PROCESSING', 'FAILED', 'TimedOut', '2026-11-22 01:51:57.321042+00', '2026-11-22 01:51:57.271715+00', NULL, '01a200f3-f389-70b4-87eb-6d65dc332654'),
	('01a200f3-dd6a-7603-a423-75a4f6c78a5a', 5, 'PROCESSING', 'FAILED', 'Failed', '2026-11-22 01:51:57.321114+00', '2026-11-22 01:51:57.271715+00', NULL, '01a200f3-f389-71d3-b20b-dea653590c81'),
	('01a200f3-dd6a-7603-a423-75a9e2f5e8e1', 3, 'PROCESSING', 'CANCELLED', 'Cancelled', '2026-11-22 01:51:57.321122+00', '2026-11-22 01:51:57.271715+00', NULL, '01a200f3-f389-71f3-a87c-dc61fa3f7f8b'),
	('01a200f3-dd6a-7603-a423-75a78da2829c', 3, 'PROCESSING', 'RETRYING', 'Retrying', '2026-11-22 01:52:01.289324+00', '2026-11-22 01:52:01.030071+00', NULL, '01a200f4-0309-753b-990d-4aff9a905625'),
	('01a200f3-dd6a-7603-a423-75aaaaed0790', 3, 'PROCESSING', 'COMPLETED', 'Succeeded', '2026-11-22 01:52:01.408591+00', '2026-11-22 01:52:01.33511+00', NULL, '01a200f4-0380-7981-8824-3d757ba996d3'),
	('01a200f3-dd6a-7603-a423-75a78da2829c', 4, 'RETRYING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:02.229446+00', '2026-11-22 01:52:01.728643+00', NULL, '01a200f4-06b5-772f-816a-f6809101759b'),
	('01a200f3-dd6a-7603-a423-75a78da2829c', 5, 'PROCESSING', 'COMPLETED', 'Succeeded', '2026-11-22 01:52:02.38184+00', '2026-11-22 01:52:02.332665+00', NULL, '01a200f4-074d-7d81-9f0f-b8b992b3428d'),
	('01a200f4-1041-7204-a364-38e5b8d8dd86', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:04.756985+00', '2026-11-22 01:52:04.265592+00', 'admin', '01a200f4-1094-7fe0-95a6-51e1962379b0'),
	('01a200f4-1041-7204-a364-38e68481a007', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:04.757124+00', '2026-11-22 01:52:04.265592+00', 'admin', '01a200f4-1095-71fc-868b-0452b0f2a3ea'),
	('01a200f4-10bc-7585-8518-805118016f2f', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:04.826997+00', '2026-11-22 01:52:04.781082+00', 'admin', '01a200f4-10db-7010-ad2a-c28e2aaee9c4'),
	('01a200f4-10bc-7585-8518-8052ccb8864a', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:04.827125+00', '2026-11-22 01:52:04.781082+00', 'admin', '01a200f4-10db-7200-8c68-85716136ed66'),
	('01a200f4-10bc-7585-8518-80536d0e0221', 1, NULL, 'PENDING', 'Suspended', '2026-11-22 01:52:04.827133+00', '2026-11-22 01:52:04.781082+00', 'admin', '01a200f4-10db-7224-b845-9d321a96a240'),
	('01a200f4-10bc-7585-8518-8054f31cbdbd', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:04.827139+00', '2026-11-22 01:52:04.781082+00', 'admin', '01a200f4-10db-7239-b5e9-59a38be3c219'),
	('01a200f4-10bc-7585-8518-80556e410d9d', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:04.827143+00', '2026-11-22 01:52:04.781082+00', 'admin', '01a200f4-10db-724d-9b41-dd509a2da93b'),
	('01a200f4-1041-7204-a364-38e5b8d8dd86', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:04.869642+00', '2026-11-22 01:52:04.797532+00', NULL, '01a200f4-1105-7a56-966f-2fea2bcc87bb'),
	('01a200f4-1041-7204-a364-38e68481a007', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:04.869675+00', '2026-11-22 01:52:04.797532+00', NULL, '01a200f4-1105-7acc-8680-da3f79aec31a'),
	('01a200f4-10bc-7585-8518-80556e410d9d', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:05.119402+00', '2026-11-22 01:52:05.09117+00', NULL, '01a200f4-11ff-767f-a3d6-241437b259c0'),
	('01a200f4-10bc-7585-8518-805118016f2f', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:05.130839+00', '2026-11-22 01:52:05.088237+00', NULL, '01a200f4-120a-7d75-8ad6-38b810f9a49e'),
	('01a200f4-10bc-7585-8518-8052ccb8864a', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:05.130887+00', '2026-11-22 01:52:05.088237+00', NULL, '01a200f4-120a-7e31-a825-cd029073adcc'),
	('01a200f4-10bc-7585-8518-8054f31cbdbd', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:05.130894+00', '2026-11-22 01:52:05.088237+00', NULL, '01a200f4-120a-7e4e-bc59-23b821540067'),
	('01a200f4-10bc-7585-8518-8054f31cbdbd', 3, 'PROCESSING', 'RETRYING', 'Retrying', '2026-11-22 01:52:09.493891+00', '2026-11-22 01:52:09.425746+00', NULL, '01a200f4-2315-7e49-b3d1-fd4a462cb591'),
	('01a200f4-2500-727f-b33a-24a00583dfce', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:09.999639+00', '2026-11-22 01:52:09.920965+00', 'admin', '01a200f4-250f-7a52-8700-1dca3ed21d49'),
	('01a200f4-2f11-70f4-9576-1482a967b2b8', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:12.565898+00', '2026-11-22 01:52:12.555858+00', 'admin', '01a200f4-2f15-7e6f-a108-70a8c00f0819'),
	('01a200f4-2f11-70f4-9576-1482a967b2b8', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:12.621767+00', '2026-11-22 01:52:12.604363+00', NULL, '01a200f4-2f4d-7c56-82c2-9359c77a1866'),
	('01a200f4-3cad-76e6-843d-16d6f6a37af8', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:16.049056+00', '2026-11-22 01:52:16.04161+00', 'admin', '01a200f4-3cb1-70f6-affb-ed0729673273'),
	('01a200f4-3cad-76e6-843d-16d6f6a37af8', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:16.135939+00', '2026-11-22 01:52:16.113853+00', NULL, '01a200f4-3d07-7f0e-9d95-030b6d5ad699'),
	('01a200f4-3f76-74ba-9688-f0ccb87e4f98', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:16.760457+00', '2026-11-22 01:52:16.745977+00', 'admin', '01a200f4-3f78-775c-8618-98e595bcb5ad'),
	('01a200f4-3f76-74ba-9688-f0ccb87e4f98', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:16.837473+00', '2026-11-22 01:52:16.828338+00', NULL, '01a200f4-3fc5-779e-8401-a5461994f085'),
	('01a200f4-4061-7767-b286-6f32760faab9', 1, NULL, 'PENDING', 'Queued', '2026-11-22 01:52:16.997744+00', '2026-11-22 01:52:16.969458+00', 'admin', '01a200f4-4065-7bfc-97f3-d4565401c2cc'),
	('01a200f4-4061-7767-b286-6f32760faab9', 2, 'PENDING', 'PROCESSING', 'Dispatched', '2026-11-22 01:52:23.362416+00', '2026-11-22 01:52:22.470035+00', NULL, '01a200f4-5942-76c4-9d1d-02fd7985ce6e');

INSERT INTO public.schema_compat VALUES
	('engine', '0001_outside', '0.1.0', '2026-11-22 01:51:38.130211+00'),
	('engine', '0002_definitions', '0.1.0', '2026-11-22 01:51:38.248818+00'),
	('engine', '0003_executions', '0.1.0', '2026-11-22 01:51:38.422541+00'),
	('engine', '0004_handover', '0.1.0', '2026-11-22 01:51:38.716297+00'),
	('engine', '0005_history', '0.1.0', '2026-11-22 01:51:38.827425+00'),
	('engine', '0006_counters', '0.1.0', '2026-11-22 01:51:38.891229+00'),
	('engine', '0007_run_history', '0.1.0', '2026-11-22 01:51:38.909969+00');

INSERT INTO public.workflow_definitions VALUES
	('01a200f3-db00-72d2-9f32-7c30e399138e', 'flaky', 1, '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "100ms"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 2}, "target": {"embedded": {"task": "demo.flaky"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {}, "engineRef": {"name": "tasks"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '2026-11-22 01:51:50.99628+00', '2026-11-22 01:51:50.99628+00', NULL, NULL, true, '01a200f3-db1b-7496-ab29-a49b26df69c6'),
	('01a200f3-db3a-7466-8d22-20e592203ab1', 'fleet', 1, '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "30s"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 1}, "target": {"argo": {"workflowTemplate": "nap"}}, "batches": [{"name": "all", "items": [{"secs": "100ms"}, {"secs": "100ms"}, {"secs": "900s"}, {"secs": "900s"}, {"secs": "1s"}, {"secs": "1s"}]}], "suspend": false, "dispatch": {"per": "Item", "order": "Parallel", "maxFailures": 0, "maxParallel": 2}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {"fail": "no", "secs": "${item.secs}"}, "engineRef": {"name": "argo"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '2026-11-22 01:51:51.090405+00', '2026-11-22 01:51:51.090405+00', NULL, NULL, true, '01a200f3-db3e-733f-b953-ee520f6eb8d5'),
	('01a200f3-db51-753f-ac6a-6c8e3e159908', 'hello', 1, '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "30s"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 1}, "target": {"embedded": {"task": "demo.hello"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {"name": "${parameters.name}"}, "engineRef": {"name": "tasks"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '2026-11-22 01:51:51.117281+00', '2026-11-22 01:51:51.117281+00', NULL, NULL, true, '01a200f3-db65-7100-aa28-fb9aae8eaa5a'),
	('01a200f3-db93-70e8-af44-86f6d89425f9', 'nap', 1, '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "30s"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 1}, "target": {"argo": {"workflowTemplate": "nap"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {"fail": "${parameters.fail}", "secs": "${parameters.secs}"}, "engineRef": {"name": "argo"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '2026-11-22 01:51:51.165096+00', '2026-11-22 01:51:51.165096+00', NULL, NULL, true, '01a200f3-dba0-70f6-999c-e22ec7bc4990'),
	('01a200f3-dbc0-777d-b5bf-e544adf13e90', 'nap-again', 1, '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "1s"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 2}, "target": {"argo": {"workflowTemplate": "nap"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {"fail": "${parameters.fail}", "secs": "${parameters.secs}"}, "engineRef": {"name": "argo"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '2026-11-22 01:51:51.22553+00', '2026-11-22 01:51:51.22553+00', NULL, NULL, true, '01a200f3-dbca-75d8-9510-6754dfaf3ba4'),
	('01a200f3-dc08-71f2-8264-63fdbd80c381', 'nap-hasty', 1, '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "30s"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 1}, "target": {"argo": {"workflowTemplate": "nap"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"run": "1s", "cancel": "60s"}, "arguments": {"fail": "${parameters.fail}", "secs": "${parameters.secs}"}, "engineRef": {"name": "argo"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '2026-11-22 01:51:51.2621+00', '2026-11-22 01:51:51.2621+00', NULL, NULL, true, '01a200f3-dc22-72b4-a446-c1003089c867'),
	('01a200f3-dc45-77a0-8365-924f8003c647', 'nap-later', 1, '{"retry": {"backoff": {"max": "1h", "factor": "2", "initial": "1h"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 2}, "target": {"argo": {"workflowTemplate": "nap"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {"fail": "${parameters.fail}", "secs": "${parameters.secs}"}, "engineRef": {"name": "argo"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '2026-11-22 01:51:51.359428+00', '2026-11-22 01:51:51.359428+00', NULL, NULL, true, '01a200f3-dc5a-7004-a874-864452a912a9'),
	('01a200f3-dc8e-7172-8376-a990cb163e95', 'nap-one-place', 1, '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "30s"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 1}, "target": {"argo": {"workflowTemplate": "nap"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {"fail": "${parameters.fail}", "secs": "${parameters.secs}"}, "engineRef": {"name": "argo"}, "concurrency": {"max": 1, "whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '2026-11-22 01:51:51.425779+00', '2026-11-22 01:51:51.425779+00', NULL, NULL, true, '01a200f3-dc9a-7081-ad2a-41c08168c633'),
	('01a200f3-dcbd-74fb-874b-09bc9bfde1e7', 'sleep', 1, '{"retry": {"backoff": {"max": "30m", "factor": "2", "initial": "30s"}, "retryOn": ["Failed", "EngineError"], "maxAttempts": 1}, "target": {"embedded": {"task": "demo.sleep"}}, "suspend": false, "dispatch": {"per": "Run", "order": "Parallel", "maxFailures": 0, "maxParallel": 10}, "priority": 100, "timeouts": {"cancel": "5m"}, "arguments": {"seconds": "${parameters.seconds}"}, "engineRef": {"name": "tasks"}, "concurrency": {"whenFull": "Queue"}, "deletionPolicy": "Orphan"}', '2026-11-22 01:51:51.470212+00', '2026-11-22 01:51:51.470212+00', NULL, NULL, true, '01a200f3-dcd3-7270-a299-0d0109632b14');

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.automation
    ADD CONSTRAINT pk_automation PRIMARY KEY (id);

ALTER TABLE ONLY public.batch
    ADD CONSTRAINT pk_batch PRIMARY KEY (id);

ALTER TABLE ONLY public.batch_execution
    ADD CONSTRAINT pk_batch_execution PRIMARY KEY (id);

ALTER TABLE ONLY public.dispatch_attempt
    ADD CONSTRAINT pk_dispatch_attempt PRIMARY KEY (id);

ALTER TABLE ONLY public.embedded_task
    ADD CONSTRAINT pk_embedded_task PRIMARY KEY (id);

ALTER TABLE ONLY public.engine
    ADD CONSTRAINT pk_engine PRIMARY KEY (id);

ALTER TABLE ONLY public.engine_health
    ADD CONSTRAINT pk_engine_health PRIMARY KEY (id);

ALTER TABLE ONLY public.instance_state_history
    ADD CONSTRAINT pk_instance_state_history PRIMARY KEY (id);

ALTER TABLE ONLY public.item
    ADD CONSTRAINT pk_item PRIMARY KEY (id);

ALTER TABLE ONLY public.item_execution
    ADD CONSTRAINT pk_item_execution PRIMARY KEY (id);

ALTER TABLE ONLY public.item_state_history
    ADD CONSTRAINT pk_item_state_history PRIMARY KEY (id);

ALTER TABLE ONLY public.orchestration_instance
    ADD CONSTRAINT pk_orchestration_instance PRIMARY KEY (id);

ALTER TABLE ONLY public.run
    ADD CONSTRAINT pk_run PRIMARY KEY (id);

ALTER TABLE ONLY public.run_orchestration
    ADD CONSTRAINT pk_run_orchestration PRIMARY KEY (id);

ALTER TABLE ONLY public.run_progress
    ADD CONSTRAINT pk_run_progress PRIMARY KEY (id);

ALTER TABLE ONLY public.run_state_history
    ADD CONSTRAINT pk_run_state_history PRIMARY KEY (id);

ALTER TABLE ONLY public.schema_compat
    ADD CONSTRAINT pk_schema_compat PRIMARY KEY (chain, revision);

ALTER TABLE ONLY public.workflow_definitions
    ADD CONSTRAINT pk_workflow_definitions PRIMARY KEY (id);

ALTER TABLE ONLY public.automation
    ADD CONSTRAINT uq_automation_uid UNIQUE (uid);

ALTER TABLE ONLY public.batch_execution
    ADD CONSTRAINT uq_batch_execution_run_id_batch_id UNIQUE (run_id, batch_id);

ALTER TABLE ONLY public.dispatch_attempt
    ADD CONSTRAINT uq_dispatch_attempt_token UNIQUE (token);

ALTER TABLE ONLY public.dispatch_attempt
    ADD CONSTRAINT uq_dispatch_attempt_unit_attempt_no UNIQUE NULLS NOT DISTINCT (run_id, batch_execution_id, item_execution_id, attempt_no);

ALTER TABLE ONLY public.embedded_task
    ADD CONSTRAINT uq_embedded_task_token UNIQUE (token);

ALTER TABLE ONLY public.engine_health
    ADD CONSTRAINT uq_engine_health_engine_id UNIQUE (engine_id);

ALTER TABLE ONLY public.engine
    ADD CONSTRAINT uq_engine_uid UNIQUE (uid);

ALTER TABLE ONLY public.instance_state_history
    ADD CONSTRAINT uq_instance_state_history_orchestration_instance_id_seq UNIQUE (orchestration_instance_id, seq);

ALTER TABLE ONLY public.item_execution
    ADD CONSTRAINT uq_item_execution_run_id_item_id UNIQUE (run_id, item_id);

ALTER TABLE ONLY public.item_state_history
    ADD CONSTRAINT uq_item_state_history_item_execution_id_seq UNIQUE (item_execution_id, seq);

ALTER TABLE ONLY public.orchestration_instance
    ADD CONSTRAINT uq_orchestration_instance_engine_id_external_id UNIQUE (engine_id, external_id);

ALTER TABLE ONLY public.run_orchestration
    ADD CONSTRAINT uq_run_orchestration_run_id_orchestration_instance_id UNIQUE (run_id, orchestration_instance_id);

ALTER TABLE ONLY public.run_progress
    ADD CONSTRAINT uq_run_progress_run_id UNIQUE (run_id);

ALTER TABLE ONLY public.run_state_history
    ADD CONSTRAINT uq_run_state_history_run_id_seq UNIQUE (run_id, seq);

ALTER TABLE ONLY public.run
    ADD CONSTRAINT uq_run_uid UNIQUE (uid);

ALTER TABLE ONLY public.workflow_definitions
    ADD CONSTRAINT uq_workflow_definitions_automation_id_version UNIQUE (automation_id, version);

CREATE INDEX ix_automation_engine_id ON public.automation USING btree (engine_id);

CREATE INDEX ix_automation_is_active ON public.automation USING btree (is_active);

CREATE INDEX ix_automation_name ON public.automation USING btree (name);

CREATE UNIQUE INDEX ix_automation_name_active ON public.automation USING btree (tenant_id, name) WHERE is_active;

CREATE INDEX ix_automation_next_check_at ON public.automation USING btree (next_check_at) WHERE is_active;

CREATE INDEX ix_automation_project_at ON public.automation USING btree (project_at) WHERE (project_at IS NOT NULL);

CREATE INDEX ix_batch_automation_id ON public.batch USING btree (automation_id);

CREATE INDEX ix_batch_execution_batch_id ON public.batch_execution USING btree (batch_id);

CREATE INDEX ix_batch_execution_is_active ON public.batch_execution USING btree (is_active);

CREATE INDEX ix_batch_execution_run_id ON public.batch_execution USING btree (run_id);

CREATE INDEX ix_batch_execution_status ON public.batch_execution USING btree (status);

CREATE INDEX ix_batch_is_active ON public.batch USING btree (is_active);

CREATE INDEX ix_dispatch_attempt_batch_execution_id ON public.dispatch_attempt USING btree (batch_execution_id);

CREATE INDEX ix_dispatch_attempt_cancel_due_at ON public.dispatch_attempt USING btree (cancel_due_at) WHERE (cancel_due_at IS NOT NULL);

CREATE INDEX ix_dispatch_attempt_due ON public.dispatch_attempt USING btree (engine_id, priority DESC, due_at) WHERE (state = 'INTENT'::public.attempt_state);

CREATE INDEX ix_dispatch_attempt_engine_id ON public.dispatch_attempt USING btree (engine_id);

CREATE INDEX ix_dispatch_attempt_in_flight ON public.dispatch_attempt USING btree (engine_id, tenant_id) WHERE (state = ANY (ARRAY['SENT'::public.attempt_state, 'ENQUEUED'::public.attempt_state, 'ACKED'::public.attempt_state, 'AMBIGUOUS'::public.attempt_state, 'HALTED'::public.attempt_state]));

CREATE INDEX ix_dispatch_attempt_item_execution_id ON public.dispatch_attempt USING btree (item_execution_id);

CREATE INDEX ix_dispatch_attempt_orchestration_instance_id ON public.dispatch_attempt USING btree (orchestration_instance_id);

CREATE INDEX ix_dispatch_attempt_unclear ON public.dispatch_attempt USING btree (engine_id, due_at) WHERE (state = ANY (ARRAY['SENT'::public.attempt_state, 'AMBIGUOUS'::public.attempt_state]));

CREATE INDEX ix_embedded_task_engine_id ON public.embedded_task USING btree (engine_id);

CREATE INDEX ix_embedded_task_queued ON public.embedded_task USING btree (engine_id, id) WHERE ((state)::text = 'queued'::text);

CREATE INDEX ix_embedded_task_running ON public.embedded_task USING btree (lease_until) WHERE ((state)::text = 'running'::text);

CREATE INDEX ix_engine_is_active ON public.engine USING btree (is_active);

CREATE INDEX ix_engine_project_at ON public.engine USING btree (project_at) WHERE (project_at IS NOT NULL);

CREATE INDEX ix_item_batch_id ON public.item USING btree (batch_id);

CREATE INDEX ix_item_execution_batch_execution_id ON public.item_execution USING btree (batch_execution_id);

CREATE INDEX ix_item_execution_is_active ON public.item_execution USING btree (is_active);

CREATE INDEX ix_item_execution_item_id ON public.item_execution USING btree (item_id);

CREATE INDEX ix_item_execution_open ON public.item_execution USING btree (run_id, batch_execution_id, sequence_number) WHERE (status = ANY (ARRAY['PENDING'::public.execution_status, 'PROCESSING'::public.execution_status, 'RETRYING'::public.execution_status]));

CREATE INDEX ix_item_execution_run_id ON public.item_execution USING btree (run_id);

CREATE INDEX ix_item_execution_status ON public.item_execution USING btree (status);

CREATE INDEX ix_item_is_active ON public.item USING btree (is_active);

CREATE INDEX ix_item_state_history_item_execution_id ON public.item_state_history USING btree (item_execution_id);

CREATE INDEX ix_item_state_history_item_execution_id_changed_at ON public.item_state_history USING btree (item_execution_id, changed_at);

CREATE INDEX ix_orchestration_instance_engine_id ON public.orchestration_instance USING btree (engine_id);

CREATE INDEX ix_orchestration_instance_is_active ON public.orchestration_instance USING btree (is_active);

CREATE INDEX ix_orchestration_instance_live ON public.orchestration_instance USING btree (engine_id, next_poll_at) WHERE (status = ANY (ARRAY['PENDING'::public.execution_status, 'PROCESSING'::public.execution_status, 'RETRYING'::public.execution_status]));

CREATE INDEX ix_orchestration_instance_status ON public.orchestration_instance USING btree (status);

CREATE INDEX ix_orchestration_instance_status_started_at ON public.orchestration_instance USING btree (status, started_at);

CREATE INDEX ix_run_automation_id ON public.run USING btree (automation_id);

CREATE INDEX ix_run_correlation_id ON public.run USING btree (correlation_id);

CREATE INDEX ix_run_deadline_at ON public.run USING btree (deadline_at) WHERE ((deadline_at IS NOT NULL) AND (status = ANY (ARRAY['PROCESSING'::public.execution_status, 'RETRYING'::public.execution_status])));

CREATE INDEX ix_run_definition_id ON public.run USING btree (definition_id);

CREATE INDEX ix_run_engine_id ON public.run USING btree (engine_id);

CREATE INDEX ix_run_is_active ON public.run USING btree (is_active);

CREATE INDEX ix_run_open ON public.run USING btree (automation_id, priority, id) WHERE (status = ANY (ARRAY['PENDING'::public.execution_status, 'PROCESSING'::public.execution_status, 'RETRYING'::public.execution_status]));

CREATE INDEX ix_run_orchestration_is_active ON public.run_orchestration USING btree (is_active);

CREATE INDEX ix_run_orchestration_orchestration_instance_id ON public.run_orchestration USING btree (orchestration_instance_id);

CREATE INDEX ix_run_orchestration_run_id ON public.run_orchestration USING btree (run_id);

CREATE INDEX ix_run_project_at ON public.run USING btree (project_at) WHERE (project_at IS NOT NULL);

CREATE INDEX ix_run_queue_deadline_at ON public.run USING btree (queue_deadline_at) WHERE ((queue_deadline_at IS NOT NULL) AND (status = 'PENDING'::public.execution_status));

CREATE INDEX ix_run_started_at_status ON public.run USING btree (started_at, status);

CREATE INDEX ix_run_status ON public.run USING btree (status);

CREATE INDEX ix_run_tenant_id_name ON public.run USING btree (tenant_id, name);

CREATE INDEX ix_run_uncounted ON public.run USING btree (finished_at) WHERE ((finished_at IS NOT NULL) AND (NOT counted));

CREATE INDEX ix_workflow_definitions_is_active ON public.workflow_definitions USING btree (is_active);

CREATE UNIQUE INDEX uq_batch_automation_id_name ON public.batch USING btree (automation_id, name) WHERE is_active;

CREATE UNIQUE INDEX uq_engine_tenant_id_name ON public.engine USING btree (tenant_id, name) WHERE is_active;

CREATE UNIQUE INDEX uq_item_batch_id_sequence_number ON public.item USING btree (batch_id, sequence_number) WHERE is_active;

CREATE UNIQUE INDEX uq_run_parent_run_id ON public.run USING btree (parent_run_id) WHERE (parent_run_id IS NOT NULL);

CREATE TRIGGER baton_batch_execution_counted AFTER INSERT ON public.batch_execution REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.baton_batch_execution_counted();

CREATE TRIGGER baton_batch_execution_recounted AFTER UPDATE ON public.batch_execution REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.baton_batch_execution_recounted();

CREATE TRIGGER baton_instance_state_history_born AFTER INSERT ON public.orchestration_instance REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.baton_instance_state_history_born();

CREATE TRIGGER baton_instance_state_history_guard BEFORE DELETE OR UPDATE OR TRUNCATE ON public.instance_state_history FOR EACH STATEMENT EXECUTE FUNCTION public.baton_history_guard();

CREATE TRIGGER baton_instance_state_history_moved AFTER UPDATE ON public.orchestration_instance REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.baton_instance_state_history_moved();

CREATE TRIGGER baton_item_execution_counted AFTER INSERT ON public.item_execution REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.baton_item_execution_counted();

CREATE TRIGGER baton_item_execution_recounted AFTER UPDATE ON public.item_execution REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.baton_item_execution_recounted();

CREATE TRIGGER baton_item_state_history_born AFTER INSERT ON public.item_execution REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.baton_item_state_history_born();

CREATE TRIGGER baton_item_state_history_guard BEFORE DELETE OR UPDATE OR TRUNCATE ON public.item_state_history FOR EACH STATEMENT EXECUTE FUNCTION public.baton_history_guard();

CREATE TRIGGER baton_item_state_history_moved AFTER UPDATE ON public.item_execution REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.baton_item_state_history_moved();

CREATE TRIGGER baton_run_state_history_born AFTER INSERT ON public.run REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.baton_run_state_history_born();

CREATE TRIGGER baton_run_state_history_guard BEFORE DELETE OR UPDATE OR TRUNCATE ON public.run_state_history FOR EACH STATEMENT EXECUTE FUNCTION public.baton_history_guard();

CREATE TRIGGER baton_run_state_history_moved AFTER UPDATE ON public.run REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.baton_run_state_history_moved();

ALTER TABLE ONLY public.automation
    ADD CONSTRAINT fk_automation_engine_id FOREIGN KEY (engine_id) REFERENCES public.engine(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.batch
    ADD CONSTRAINT fk_batch_automation_id FOREIGN KEY (automation_id) REFERENCES public.automation(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.batch_execution
    ADD CONSTRAINT fk_batch_execution_batch_id FOREIGN KEY (batch_id) REFERENCES public.batch(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.batch_execution
    ADD CONSTRAINT fk_batch_execution_run_id FOREIGN KEY (run_id) REFERENCES public.run(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.dispatch_attempt
    ADD CONSTRAINT fk_dispatch_attempt_batch_execution_id FOREIGN KEY (batch_execution_id) REFERENCES public.batch_execution(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.dispatch_attempt
    ADD CONSTRAINT fk_dispatch_attempt_engine_id FOREIGN KEY (engine_id) REFERENCES public.engine(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.dispatch_attempt
    ADD CONSTRAINT fk_dispatch_attempt_item_execution_id FOREIGN KEY (item_execution_id) REFERENCES public.item_execution(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.dispatch_attempt
    ADD CONSTRAINT fk_dispatch_attempt_orchestration_instance_id FOREIGN KEY (orchestration_instance_id) REFERENCES public.orchestration_instance(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.dispatch_attempt
    ADD CONSTRAINT fk_dispatch_attempt_run_id FOREIGN KEY (run_id) REFERENCES public.run(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.embedded_task
    ADD CONSTRAINT fk_embedded_task_engine_id FOREIGN KEY (engine_id) REFERENCES public.engine(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.engine_health
    ADD CONSTRAINT fk_engine_health_engine_id FOREIGN KEY (engine_id) REFERENCES public.engine(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.instance_state_history
    ADD CONSTRAINT fk_instance_state_history_orchestration_instance_id FOREIGN KEY (orchestration_instance_id) REFERENCES public.orchestration_instance(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.item
    ADD CONSTRAINT fk_item_batch_id FOREIGN KEY (batch_id) REFERENCES public.batch(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.item_execution
    ADD CONSTRAINT fk_item_execution_batch_execution_id FOREIGN KEY (batch_execution_id) REFERENCES public.batch_execution(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.item_execution
    ADD CONSTRAINT fk_item_execution_item_id FOREIGN KEY (item_id) REFERENCES public.item(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.item_execution
    ADD CONSTRAINT fk_item_execution_run_id FOREIGN KEY (run_id) REFERENCES public.run(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.item_state_history
    ADD CONSTRAINT fk_item_state_history_item_execution_id FOREIGN KEY (item_execution_id) REFERENCES public.item_execution(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.orchestration_instance
    ADD CONSTRAINT fk_orchestration_instance_engine_id FOREIGN KEY (engine_id) REFERENCES public.engine(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.run
    ADD CONSTRAINT fk_run_automation_id FOREIGN KEY (automation_id) REFERENCES public.automation(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.run
    ADD CONSTRAINT fk_run_definition_id FOREIGN KEY (definition_id) REFERENCES public.workflow_definitions(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.run
    ADD CONSTRAINT fk_run_engine_id FOREIGN KEY (engine_id) REFERENCES public.engine(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.run_orchestration
    ADD CONSTRAINT fk_run_orchestration_orchestration_instance_id FOREIGN KEY (orchestration_instance_id) REFERENCES public.orchestration_instance(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.run_orchestration
    ADD CONSTRAINT fk_run_orchestration_run_id FOREIGN KEY (run_id) REFERENCES public.run(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.run
    ADD CONSTRAINT fk_run_parent_run_id FOREIGN KEY (parent_run_id) REFERENCES public.run(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.run_progress
    ADD CONSTRAINT fk_run_progress_run_id FOREIGN KEY (run_id) REFERENCES public.run(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.run_state_history
    ADD CONSTRAINT fk_run_state_history_run_id FOREIGN KEY (run_id) REFERENCES public.run(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.workflow_definitions
    ADD CONSTRAINT fk_workflow_definitions_automation_id FOREIGN KEY (automation_id) REFERENCES public.automation(id) ON DELETE CASCADE;
