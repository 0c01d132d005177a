-- readable-from: 1
-- Agents that a web node's files declare, and what an agent has logged.

alter table agents add column declared_by text collate "C";

alter table agent_pings add column log_lines integer;
alter table agent_pings add column log text collate "C";

comment on column agent_pings.log_lines is 'How many of the agent''s last log lines are asked for; null for none.';
comment on column agent_pings.log is 'Those lines, one below the other; null until they are there, and where the agent does not say them.';
comment on column agents.declared_by is 'The web node whose agents.d names this agent; null where none does.';
