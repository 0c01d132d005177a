-- readable-from: 1
-- Everything of one site. Times are bigint microseconds since 1970 UTC; flags are 0 or 1; ids are UUIDs in text.

create function knocknoc_now() returns bigint
    language sql volatile
    as 'select (extract(epoch from clock_timestamp()) * 1000000)::bigint';

comment on function knocknoc_now() is 'The clock of this database in microseconds, moving also inside a transaction.';

create table schema_state (
    id bigint not null,
    version bigint not null,
    readable_from bigint not null,
    constraint schema_state_pkey primary key (id),
    constraint schema_state_id_check check (id = 1)
);

comment on table schema_state is 'The one row that says which releases may use this schema.';
comment on column schema_state.id is 'Always 1.';
comment on column schema_state.version is 'The newest migration applied.';
comment on column schema_state.readable_from is 'The oldest schema number whose release may still run.';

create table schema_migrations (
    version bigint not null,
    name text collate "C" not null,
    applied_at bigint not null,
    constraint schema_migrations_pkey primary key (version)
);

comment on table schema_migrations is 'The migrations applied, one row each.';
comment on column schema_migrations.applied_at is 'Microseconds since 1970 UTC, like every time in this schema.';

create table site (
    id bigint not null,
    epoch text collate "C" not null,
    created_at bigint not null,
    constraint site_pkey primary key (id),
    constraint site_id_check check (id = 1)
);

comment on table site is 'The one row about this installation.';
comment on column site.id is 'Always 1.';
comment on column site.epoch is 'Random; another one after a restore or a move, so that agents do not trust their positions.';

create table nodes (
    id text collate "C" not null,
    name text collate "C" not null,
    version text collate "C" not null,
    release bigint not null,
    started_at bigint not null,
    seen_at bigint not null,
    constraint nodes_pkey primary key (id)
);

comment on table nodes is 'Server processes that use this schema; a row goes when its process stops, or a day after it was last seen.';
comment on column nodes.id is 'Made by each process at its start.';
comment on column nodes.name is 'NodeName; two processes may have the same.';
comment on column nodes.release is 'The newest migration that it knows.';
comment on column nodes.seen_at is 'Renewed every 10 s while it lives.';

create table operations (
    id text collate "C" not null,
    created_at bigint not null,
    constraint operations_pkey primary key (id)
);

comment on table operations is 'Writes that were committed, by the id made before their first try; pruned after an hour.';

create table users (
    id text collate "C" not null,
    name text collate "C" not null,
    name_key text collate "C" not null,
    display_name text collate "C",
    email text collate "C",
    password_hash text collate "C",
    session_seconds bigint,
    disabled bigint not null default 0,
    version bigint not null default 1,
    created_at bigint not null,
    updated_at bigint not null,
    constraint users_pkey primary key (id),
    constraint users_name_key_key unique (name_key)
);

comment on table users is 'People who may hold access.';
comment on column users.name is 'As typed; shown.';
comment on column users.name_key is 'The name folded for comparison.';
comment on column users.password_hash is 'Argon2id in PHC format; null where the user has no password here.';
comment on column users.session_seconds is 'Length of this user''s sessions; null is the default.';
comment on column users.disabled is '0 or 1.';
comment on column users.version is 'Counts the administrators'' changes, for If-Match.';

create table admins (
    id text collate "C" not null,
    name text collate "C" not null,
    name_key text collate "C" not null,
    password_hash text collate "C",
    disabled bigint not null default 0,
    version bigint not null default 1,
    created_at bigint not null,
    updated_at bigint not null,
    constraint admins_pkey primary key (id),
    constraint admins_name_key_key unique (name_key)
);

comment on table admins is 'People who administer; they hold no access.';

create table admin_links (
    token_hash bytea not null,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint,
    constraint admin_links_pkey primary key (token_hash)
);

comment on table admin_links is 'One-time links that make the first administrator.';
comment on column admin_links.token_hash is 'SHA-256 of the secret.';

create table groups (
    id text collate "C" not null,
    name text collate "C" not null,
    name_key text collate "C" not null,
    kind text collate "C" not null,
    claim text collate "C",
    version bigint not null default 1,
    created_at bigint not null,
    updated_at bigint not null,
    constraint groups_pkey primary key (id),
    constraint groups_name_key_key unique (name_key),
    constraint groups_kind_check check (kind in ('local', 'sso', 'dynamic'))
);

comment on table groups is 'Sets of users that Knocs are given to.';
comment on column groups.kind is 'local, sso or dynamic.';
comment on column groups.claim is 'The identity provider''s value that makes a member; null for local.';

create table group_members (
    group_id text collate "C" not null,
    user_id text collate "C" not null,
    constraint group_members_pkey primary key (group_id, user_id),
    constraint group_members_group_id_fkey foreign key (group_id) references groups (id) on delete cascade,
    constraint group_members_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);

comment on table group_members is 'Which users are in which groups.';

create table agents (
    id text collate "C" not null,
    name text collate "C" not null,
    name_key text collate "C" not null,
    zone text collate "C",
    disabled bigint not null default 0,
    embedded bigint not null default 0,
    token_hash bytea,
    signing_key text collate "C",
    sealing_key text collate "C",
    offered_signing_key text collate "C",
    offered_sealing_key text collate "C",
    revision bigint not null default 0,
    change_id text collate "C" not null,
    pruned_revision bigint not null default 0,
    version bigint not null default 1,
    created_at bigint not null,
    updated_at bigint not null,
    constraint agents_pkey primary key (id),
    constraint agents_name_key_key unique (name_key),
    constraint agents_token_hash_key unique (token_hash)
);

comment on table agents is 'Processes beside firewalls, as administrators made them.';
comment on column agents.embedded is '1 for the child of an all-in-one.';
comment on column agents.token_hash is 'SHA-256 of the token that enrols and links.';
comment on column agents.signing_key is 'Ed25519 public key pinned at first contact, base64.';
comment on column agents.sealing_key is 'X25519 public key pinned at first contact, base64.';
comment on column agents.offered_signing_key is 'A key that was refused and waits for an administrator''s approval.';
comment on column agents.offered_sealing_key is 'The sealing key that was offered with it.';
comment on column agents.revision is 'Counts the changes to this agent''s targets and enforcements; bumped last in a transaction.';
comment on column agents.change_id is 'Random, made with the revision.';
comment on column agents.pruned_revision is 'Rows above an older position than this may be gone: such an agent gets a snapshot.';

create table revoked_tokens (
    token_hash bytea not null,
    agent_id text collate "C" not null,
    revoked_at bigint not null,
    constraint revoked_tokens_pkey primary key (token_hash)
);

comment on table revoked_tokens is 'Tokens of deleted agents: one that was away learns that it is to let nobody in.';
comment on column revoked_tokens.revoked_at is 'Microseconds since 1970.';

create table agent_changes (
    agent_id text collate "C" not null,
    revision bigint not null,
    change_id text collate "C" not null,
    created_at bigint not null,
    constraint agent_changes_pkey primary key (agent_id, revision),
    constraint agent_changes_agent_id_fkey foreign key (agent_id) references agents (id) on delete cascade
);

comment on table agent_changes is 'The change id of each revision of an agent that its position may still name; pruned after a day.';

create table agent_links (
    agent_id text collate "C" not null,
    epoch bigint not null,
    instance text collate "C" not null,
    node text collate "C" not null,
    software text collate "C" not null,
    machine text collate "C" not null,
    system text collate "C" not null,
    capabilities text collate "C" not null,
    connected_at bigint not null,
    last_seen_at bigint not null,
    closed_at bigint,
    constraint agent_links_pkey primary key (agent_id),
    constraint agent_links_agent_id_fkey foreign key (agent_id) references agents (id) on delete cascade
);

comment on table agent_links is 'The newest link of each agent and what it said of itself.';
comment on column agent_links.epoch is 'Counts the agent''s links; writes of an older link are void.';
comment on column agent_links.instance is 'The agent''s process.';
comment on column agent_links.node is 'The web node that holds the link.';
comment on column agent_links.software is 'The agent''s version.';
comment on column agent_links.capabilities is 'JSON object of text.';
comment on column agent_links.closed_at is 'When the node that held the link saw it end.';

create table targets (
    id text collate "C" not null,
    agent_id text collate "C" not null,
    key text collate "C" not null,
    backend text collate "C" not null,
    purpose text collate "C" not null,
    confirmed bigint not null default 1,
    revision bigint not null,
    applied_revision bigint not null default 0,
    outcome text collate "C" not null default 'pending',
    reason text collate "C",
    trial text collate "C",
    created_at bigint not null,
    constraint targets_pkey primary key (id),
    constraint targets_agent_id_key_key unique (agent_id, key),
    constraint targets_agent_id_fkey foreign key (agent_id) references agents (id) on delete cascade,
    constraint targets_purpose_check check (purpose in ('enforce', 'released', 'unguard'))
);

comment on table targets is 'Kernel or proxy objects that agents open; one row for each object on each agent.';
comment on column targets.key is 'The canonical text of the object; equal backends share a target.';
comment on column targets.backend is 'JSON.';
comment on column targets.purpose is 'enforce, released or unguard.';
comment on column targets.confirmed is '0 while a guard is on trial.';
comment on column targets.outcome is 'pending, applied, dry_run or failed.';
comment on column targets.reason is 'Why it failed, in the kernel''s or the agent''s words.';
comment on column targets.trial is 'JSON of the agent''s last report about the trial.';

create table knocs (
    id text collate "C" not null,
    name text collate "C" not null,
    name_key text collate "C" not null,
    url text collate "C",
    grant_on text collate "C" not null,
    duration_seconds bigint,
    open_when text collate "C" not null default 'all',
    features text collate "C" not null default '',
    disabled bigint not null default 0,
    version bigint not null default 1,
    created_at bigint not null,
    updated_at bigint not null,
    constraint knocs_pkey primary key (id),
    constraint knocs_name_key_key unique (name_key),
    constraint knocs_grant_on_check check (grant_on in ('sign_in', 'click')),
    constraint knocs_open_when_check check (open_when in ('all', 'one'))
);

comment on table knocs is 'Protected resources.';
comment on column knocs.grant_on is 'sign_in or click.';
comment on column knocs.duration_seconds is 'Length of a grant; null is as long as the session.';
comment on column knocs.open_when is 'all or one: how many agents must have applied before it is open.';
comment on column knocs.features is 'Words, separated by spaces, that a node must know to serve this Knoc.';

create table knoc_groups (
    knoc_id text collate "C" not null,
    group_id text collate "C" not null,
    constraint knoc_groups_pkey primary key (knoc_id, group_id),
    constraint knoc_groups_knoc_id_fkey foreign key (knoc_id) references knocs (id) on delete cascade,
    constraint knoc_groups_group_id_fkey foreign key (group_id) references groups (id) on delete cascade
);

comment on table knoc_groups is 'Which groups may have a Knoc.';

create table knoc_targets (
    knoc_id text collate "C" not null,
    target_id text collate "C" not null,
    position bigint not null,
    backend text collate "C" not null,
    constraint knoc_targets_pkey primary key (knoc_id, target_id),
    constraint knoc_targets_knoc_id_fkey foreign key (knoc_id) references knocs (id) on delete cascade,
    constraint knoc_targets_target_id_fkey foreign key (target_id) references targets (id) on delete cascade
);

comment on table knoc_targets is 'Where a Knoc is enforced.';
comment on column knoc_targets.position is 'The administrator''s order, from 0.';
comment on column knoc_targets.backend is 'JSON as the administrator gave it.';

create table sessions (
    id text collate "C" not null,
    user_id text collate "C",
    admin_id text collate "C",
    token_hash bytea not null,
    address text collate "C",
    address_reason text collate "C",
    user_agent text collate "C",
    created_at bigint not null,
    expires_at bigint not null,
    last_seen_at bigint not null,
    ended_at bigint,
    end_reason text collate "C",
    constraint sessions_pkey primary key (id),
    constraint sessions_token_hash_key unique (token_hash),
    constraint sessions_principal_check check ((user_id is null) <> (admin_id is null)),
    constraint sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint sessions_admin_id_fkey foreign key (admin_id) references admins (id) on delete cascade
);

comment on table sessions is 'Signed-in browsers and clients, of users and of administrators.';
comment on column sessions.token_hash is 'SHA-256 of the token.';
comment on column sessions.address is 'The client''s address; null where it could not be told, and nothing is granted.';
comment on column sessions.address_reason is 'Why grants are refused to this address; null where they are not.';

create table grants (
    id text collate "C" not null,
    user_id text collate "C" not null,
    session_id text collate "C" not null,
    knoc_id text collate "C" not null,
    address text collate "C" not null,
    origin text collate "C" not null,
    state text collate "C" not null,
    created_at bigint not null,
    expires_at bigint not null,
    ended_at bigint,
    end_reason text collate "C",
    constraint grants_pkey primary key (id),
    constraint grants_state_check check (state in ('live', 'ended')),
    constraint grants_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint grants_session_id_fkey foreign key (session_id) references sessions (id) on delete cascade,
    constraint grants_knoc_id_fkey foreign key (knoc_id) references knocs (id) on delete cascade
);

comment on table grants is 'Rights: a user, a Knoc, an address, an expiry.';
comment on column grants.origin is 'sign_in or click.';
comment on column grants.state is 'live or ended.';

create table entries (
    id text collate "C" not null,
    target_id text collate "C" not null,
    address text collate "C" not null,
    expires_at bigint not null,
    constraint entries_pkey primary key (id),
    constraint entries_target_id_address_key unique (target_id, address),
    constraint entries_target_id_fkey foreign key (target_id) references targets (id) on delete cascade
);

comment on table entries is 'What all grants on one target and address amount to; it ends with the last of them.';
comment on column entries.expires_at is 'The latest expiry of its live grants; a past one where there are none.';

create table grant_entries (
    grant_id text collate "C" not null,
    entry_id text collate "C" not null,
    constraint grant_entries_pkey primary key (grant_id, entry_id),
    constraint grant_entries_grant_id_fkey foreign key (grant_id) references grants (id) on delete cascade,
    constraint grant_entries_entry_id_fkey foreign key (entry_id) references entries (id) on delete cascade
);

comment on table grant_entries is 'Which grants an entry exists for.';

create table enforcements (
    entry_id text collate "C" not null,
    agent_id text collate "C" not null,
    wanted bigint not null,
    revision bigint not null,
    cut_revision bigint,
    applied_revision bigint not null default 0,
    outcome text collate "C" not null default 'pending',
    reason text collate "C",
    changed_at bigint not null,
    confirmed_at bigint,
    constraint enforcements_pkey primary key (entry_id),
    constraint enforcements_entry_id_fkey foreign key (entry_id) references entries (id) on delete cascade,
    constraint enforcements_agent_id_fkey foreign key (agent_id) references agents (id) on delete cascade
);

comment on table enforcements is 'One entry on its agent: what is wanted and what the agent has confirmed.';
comment on column enforcements.wanted is '1 open, 0 absent.';
comment on column enforcements.revision is 'The agent''s revision at which this row last changed.';
comment on column enforcements.cut_revision is 'Flows of the address are cut when the agent passes this revision.';
comment on column enforcements.outcome is 'pending, applied, dry_run or failed: the agent''s word on applied_revision.';

create unlogged table sign_in_failures (
    key text collate "C" not null,
    bucket bigint not null,
    failures bigint not null,
    constraint sign_in_failures_pkey primary key (key, bucket)
);

comment on table sign_in_failures is 'Failed sign-ins by key and quarter of an hour; cheap to lose.';
comment on column sign_in_failures.key is 'What is counted: account and network, network, or account.';
comment on column sign_in_failures.bucket is 'The start of the quarter of an hour.';

create table audit_events (
    id text collate "C" not null,
    at bigint not null,
    node text collate "C" not null,
    actor_kind text collate "C" not null,
    actor_id text collate "C",
    actor_name text collate "C",
    action text collate "C" not null,
    subject_kind text collate "C",
    subject_id text collate "C",
    subject_name text collate "C",
    address text collate "C",
    request_id text collate "C",
    details text collate "C" not null,
    constraint audit_events_pkey primary key (id)
);

comment on table audit_events is 'Who did what to what; outlives what it names and is never changed.';
comment on column audit_events.actor_kind is 'user, admin, agent, system or cli.';
comment on column audit_events.action is 'A verb of a thing, such as grant.create.';
comment on column audit_events.details is 'JSON object; never a secret.';

create index group_members_user_id_idx on group_members (user_id);
create index knoc_groups_group_id_idx on knoc_groups (group_id);
create index knoc_targets_target_id_idx on knoc_targets (target_id);
create index targets_agent_id_revision_idx on targets (agent_id, revision);
create index sessions_user_id_idx on sessions (user_id) where ended_at is null;
create index sessions_admin_id_idx on sessions (admin_id) where ended_at is null;
create index sessions_expires_at_idx on sessions (expires_at) where ended_at is null;
create index grants_session_id_knoc_id_idx on grants (session_id, knoc_id, id);
create unique index grants_live_key on grants (session_id, knoc_id, address) where state = 'live';
create index grants_user_id_idx on grants (user_id) where state = 'live';
create index grants_knoc_id_idx on grants (knoc_id) where state = 'live';
create index grants_expires_at_idx on grants (expires_at) where state = 'live';
create index grant_entries_entry_id_idx on grant_entries (entry_id);
create index enforcements_agent_id_revision_idx on enforcements (agent_id, revision);
create index enforcements_unconfirmed_idx on enforcements (agent_id, revision) where applied_revision < revision;
create index enforcements_failed_idx on enforcements (agent_id, revision) where outcome = 'failed';
create index enforcements_absent_idx on enforcements (confirmed_at) where wanted = 0;
create index agent_changes_created_at_idx on agent_changes (created_at);
create index operations_created_at_idx on operations (created_at);
create index audit_events_at_idx on audit_events (at, id);

insert into site (id, epoch, created_at)
values (1, replace(gen_random_uuid()::text, '-', ''), knocknoc_now());
