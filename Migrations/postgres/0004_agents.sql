-- readable-from: 1
-- Questions to agents wherever their links hang; tokens that change; what tells two agents with one identity apart.

create unlogged table agent_pings (
    id text collate "C" not null,
    agent_id text collate "C" not null,
    asked_at bigint not null,
    node text collate "C",
    round_trip bigint,
    constraint agent_pings_pkey primary key (id),
    constraint agent_pings_agent_id_fkey foreign key (agent_id) references agents (id) on delete cascade
);

comment on table agent_pings is 'Pings that were asked for, and their answers; swept after a minute, cheap to lose.';
comment on column agent_pings.node is 'The web node over whose link the agent answered; null until it has.';
comment on column agent_pings.round_trip is 'Microseconds to the agent and back over that link.';

create index agent_pings_agent_id_idx on agent_pings (agent_id);

create unlogged table audit_pauses (
    key text collate "C" not null,
    noted_at bigint not null,
    constraint audit_pauses_pkey primary key (key)
);

comment on table audit_pauses is 'What was audited a moment ago and is not audited again at once; cheap to lose.';
comment on column audit_pauses.key is 'What it is about.';

alter table agents add column previous_token_hash bytea;
alter table agents add column previous_token_until bigint;

comment on column agents.previous_token_hash is 'SHA-256 of the token before the last rotation.';
comment on column agents.previous_token_until is 'Until when that one counts too.';

create unique index agents_previous_token_hash_key on agents (previous_token_hash);

comment on table revoked_tokens is
    'Tokens that no agent is to have again: of deleted agents, which learn by them to let nobody in, and replaced ones.';

alter table agent_links add column protocol bigint;
alter table agent_links add column replacements bigint not null default 0;
alter table agent_links add column replaced_at bigint;
alter table agent_links add column duplicate_at bigint;
alter table agent_links add column duplicate_address text collate "C";

comment on column agent_links.protocol is 'The highest protocol that the agent speaks; null where an older node took it in.';
comment on column agent_links.replacements is 'How often within a minute one instance took the link from another.';
comment on column agent_links.replaced_at is 'When the first of those replacements was.';
comment on column agent_links.duplicate_at is 'When a second instance with this identity was last seen.';
comment on column agent_links.duplicate_address is 'From where it came.';
