-- readable-from: 1
-- Everything of one site. Times are microseconds since 1970 UTC; flags are 0 or 1; ids are UUIDs in text.
-- knocknoc_now() is registered by the driver.

-- The one row that says which releases may use this schema.
create table schema_state (
    id integer not null,
    version integer not null,
    readable_from integer not null,
    constraint schema_state_pkey primary key (id),
    constraint schema_state_id_check check (id = 1)
) strict;

-- The migrations applied, one row each.
create table schema_migrations (
    version integer not null,
    name text not null,
    applied_at integer not null,
    constraint schema_migrations_pkey primary key (version)
) strict;

-- The one row about this installation.
create table site (
    id integer not null,
    epoch text not null,
    created_at integer not null,
    constraint site_pkey primary key (id),
    constraint site_id_check check (id = 1)
) strict;

-- Server processes that use this schema; a row goes when its process stops, or a day after it was last seen.
create table nodes (
    id text not null,
    name text not null,
    version text not null,
    release integer not null,
    started_at integer not null,
    seen_at integer not null,
    constraint nodes_pkey primary key (id)
) strict;

-- Writes that were committed, by the id made before their first try; pruned after an hour.
create table operations (
    id text not null,
    created_at integer not null,
    constraint operations_pkey primary key (id)
) strict;

-- People who may hold access.
create table users (
    id text not null,
    name text not null,
    name_key text not null,
    display_name text,
    email text,
    password_hash text,
    session_seconds integer,
    disabled integer not null default 0,
    version integer not null default 1,
    created_at integer not null,
    updated_at integer not null,
    constraint users_pkey primary key (id),
    constraint users_name_key_key unique (name_key)
) strict;

-- People who administer; they hold no access.
create table admins (
    id text not null,
    name text not null,
    name_key text not null,
    password_hash text,
    disabled integer not null default 0,
    version integer not null default 1,
    created_at integer not null,
    updated_at integer not null,
    constraint admins_pkey primary key (id),
    constraint admins_name_key_key unique (name_key)
) strict;

-- One-time links that make the first administrator.
create table admin_links (
    token_hash blob not null,
    created_at integer not null,
    expires_at integer not null,
    used_at integer,
    constraint admin_links_pkey primary key (token_hash)
) strict;

-- Sets of users that Knocs are given to.
create table groups (
    id text not null,
    name text not null,
    name_key text not null,
    kind text not null,
    claim text,
    version integer not null default 1,
    created_at integer not null,
    updated_at integer not null,
    constraint groups_pkey primary key (id),
    constraint groups_name_key_key unique (name_key),
    constraint groups_kind_check check (kind in ('local', 'sso', 'dynamic'))
) strict;

-- Which users are in which groups.
create table group_members (
    group_id text not null,
    user_id text not null,
    constraint group_members_pkey primary key (group_id, user_id),
    constraint group_members_group_id_fkey foreign key (group_id) references groups (id) on delete cascade,
    constraint group_members_user_id_fkey foreign key (user_id) references users (id) on delete cascade
) strict;

-- Processes beside firewalls, as administrators made them.
create table agents (
    id text not null,
    name text not null,
    name_key text not null,
    zone text,
    disabled integer not null default 0,
    embedded integer not null default 0,
    token_hash blob,
    signing_key text,
    sealing_key text,
    offered_signing_key text,
    offered_sealing_key text,
    revision integer not null default 0,
    change_id text not null,
    pruned_revision integer not null default 0,
    version integer not null default 1,
    created_at integer not null,
    updated_at integer not null,
    constraint agents_pkey primary key (id),
    constraint agents_name_key_key unique (name_key),
    constraint agents_token_hash_key unique (token_hash)
) strict;

-- Tokens of deleted agents, so that one that was away learns on its return that it is to let nobody in.
create table revoked_tokens (
    token_hash blob not null,
    agent_id text not null,
    revoked_at integer not null,
    constraint revoked_tokens_pkey primary key (token_hash)
) strict;

-- The change id of each revision of an agent that its position may still name; pruned after a day.
create table agent_changes (
    agent_id text not null,
    revision integer not null,
    change_id text not null,
    created_at integer not null,
    constraint agent_changes_pkey primary key (agent_id, revision),
    constraint agent_changes_agent_id_fkey foreign key (agent_id) references agents (id) on delete cascade
) strict;

-- The newest link of each agent and what it said of itself.
create table agent_links (
    agent_id text not null,
    epoch integer not null,
    instance text not null,
    node text not null,
    software text not null,
    machine text not null,
    system text not null,
    capabilities text not null,
    connected_at integer not null,
    last_seen_at integer not null,
    closed_at integer,
    constraint agent_links_pkey primary key (agent_id),
    constraint agent_links_agent_id_fkey foreign key (agent_id) references agents (id) on delete cascade
) strict;

-- Kernel or proxy objects that agents open; one row for each object on each agent.
create table targets (
    id text not null,
    agent_id text not null,
    key text not null,
    backend text not null,
    purpose text not null,
    confirmed integer not null default 1,
    revision integer not null,
    applied_revision integer not null default 0,
    outcome text not null default 'pending',
    reason text,
    trial text,
    created_at integer not null,
    constraint targets_pkey primary key (id),
    constraint targets_agent_id_key_key unique (agent_id, key),
    constraint targets_agent_id_fkey foreign key (agent_id) references agents (id) on delete cascade,
    constraint targets_purpose_check check (purpose in ('enforce', 'released', 'unguard'))
) strict;

-- Protected resources.
create table knocs (
    id text not null,
    name text not null,
    name_key text not null,
    url text,
    grant_on text not null,
    duration_seconds integer,
    open_when text not null default 'all',
    features text not null default '',
    disabled integer not null default 0,
    version integer not null default 1,
    created_at integer not null,
    updated_at integer not null,
    constraint knocs_pkey primary key (id),
    constraint knocs_name_key_key unique (name_key),
    constraint knocs_grant_on_check check (grant_on in ('sign_in', 'click')),
    constraint knocs_open_when_check check (open_when in ('all', 'one'))
) strict;

-- Which groups may have a Knoc.
create table knoc_groups (
    knoc_id text not null,
    group_id text not null,
    constraint knoc_groups_pkey primary key (knoc_id, group_id),
    constraint knoc_groups_knoc_id_fkey foreign key (knoc_id) references knocs (id) on delete cascade,
    constraint knoc_groups_group_id_fkey foreign key (group_id) references groups (id) on delete cascade
) strict;

-- Where a Knoc is enforced.
create table knoc_targets (
    knoc_id text not null,
    target_id text not null,
    position integer not null,
    backend text not null,
    constraint knoc_targets_pkey primary key (knoc_id, target_id),
    constraint knoc_targets_knoc_id_fkey foreign key (knoc_id) references knocs (id) on delete cascade,
    constraint knoc_targets_target_id_fkey foreign key (target_id) references targets (id) on delete cascade
) strict;

-- Signed-in browsers and clients, of users and of administrators.
create table sessions (
    id text not null,
    user_id text,
    admin_id text,
    token_hash blob not null,
    address text,
    address_reason text,
    user_agent text,
    created_at integer not null,
    expires_at integer not null,
    last_seen_at integer not null,
    ended_at integer,
    end_reason text,
    constraint sessions_pkey primary key (id),
    constraint sessions_token_hash_key unique (token_hash),
    constraint sessions_principal_check check ((user_id is null) <> (admin_id is null)),
    constraint sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint sessions_admin_id_fkey foreign key (admin_id) references admins (id) on delete cascade
) strict;

-- Rights: a user, a Knoc, an address, an expiry.
create table grants (
    id text not null,
    user_id text not null,
    session_id text not null,
    knoc_id text not null,
    address text not null,
    origin text not null,
    state text not null,
    created_at integer not null,
    expires_at integer not null,
    ended_at integer,
    end_reason text,
    constraint grants_pkey primary key (id),
    constraint grants_state_check check (state in ('live', 'ended')),
    constraint grants_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint grants_session_id_fkey foreign key (session_id) references sessions (id) on delete cascade,
    constraint grants_knoc_id_fkey foreign key (knoc_id) references knocs (id) on delete cascade
) strict;

-- What all grants on one target and address amount to; it ends with the last of them.
create table entries (
    id text not null,
    target_id text not null,
    address text not null,
    expires_at integer not null,
    constraint entries_pkey primary key (id),
    constraint entries_target_id_address_key unique (target_id, address),
    constraint entries_target_id_fkey foreign key (target_id) references targets (id) on delete cascade
) strict;

-- Which grants an entry exists for.
create table grant_entries (
    grant_id text not null,
    entry_id text not null,
    constraint grant_entries_pkey primary key (grant_id, entry_id),
    constraint grant_entries_grant_id_fkey foreign key (grant_id) references grants (id) on delete cascade,
    constraint grant_entries_entry_id_fkey foreign key (entry_id) references entries (id) on delete cascade
) strict;

-- One entry on its agent: what is wanted and what the agent has confirmed.
create table enforcements (
    entry_id text not null,
    agent_id text not null,
    wanted integer not null,
    revision integer not null,
    cut_revision integer,
    applied_revision integer not null default 0,
    outcome text not null default 'pending',
    reason text,
    changed_at integer not null,
    confirmed_at integer,
    constraint enforcements_pkey primary key (entry_id),
    constraint enforcements_entry_id_fkey foreign key (entry_id) references entries (id) on delete cascade,
    constraint enforcements_agent_id_fkey foreign key (agent_id) references agents (id) on delete cascade
) strict;

-- Failed sign-ins by key and quarter of an hour; cheap to lose.
create table sign_in_failures (
    key text not null,
    bucket integer not null,
    failures integer not null,
    constraint sign_in_failures_pkey primary key (key, bucket)
) strict;

-- Who did what to what; outlives what it names and is never changed.
create table audit_events (
    id text not null,
    at integer not null,
    node text not null,
    actor_kind text not null,
    actor_id text,
    actor_name text,
    action text not null,
    subject_kind text,
    subject_id text,
    subject_name text,
    address text,
    request_id text,
    details text not null,
    constraint audit_events_pkey primary key (id)
) strict;

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
values (1, lower(hex(randomblob(16))), knocknoc_now());
