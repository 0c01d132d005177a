extension Scaffold {
    /// A `compose.yaml` of a web node, its PostgreSQL, and an agent for the machine that runs it.
    public static let compose = """
        # compose.yaml: a site on one machine. Before "docker compose up -d", beside this file:
        #
        #   Dockerfile             FROM debian:12-slim
        #                          COPY knocknoc_*_amd64.deb knocknoc-agent_*_amd64.deb /tmp/
        #                          RUN apt-get update && apt-get install -y --no-install-recommends curl /tmp/*.deb \\
        #                              && rm -rf /tmp/*.deb /var/lib/apt/lists/* \\
        #                              && chown 10001:10001 /var/lib/knocknoc
        #   site/, owner 10001, mode 0700:
        #     knocknoc.conf        from "knocknoc scaffold --server", with
        #                            DatabaseURL = postgres://knocknoc:PASSWORD@db/knocknoc
        #                            Listen = 0.0.0.0:8756
        #                            TLSSelfSigned = true
        #                            PublicURL = https://what people type
        #     encryption-key       from "knocknoc genkey"; keep a copy elsewhere
        #   postgres.password      that PASSWORD, mode 0600
        #   agent/, owner root, mode 0700:
        #     knocknoc.conf        from "knocknoc scaffold --agent", with
        #                            ServerURL = https://127.0.0.1:8756
        #                            TokenFile = /run/agent/token
        #                            TLSFingerprint = what "docker compose logs web" tells
        #     token                what the page of a new agent shows once
        #
        # The first administrator, who is asked for by name and types the password:
        #   docker compose exec -T web knocker create-admin NAME --password-stdin --config /run/site/knocknoc.conf
        # An agent in a container guards nothing before the container runs; installed as a package it does.

        services:
          db:
            image: postgres:15
            environment:
              POSTGRES_USER: knocknoc
              POSTGRES_DB: knocknoc
              POSTGRES_PASSWORD_FILE: /run/secrets/postgres-password
            secrets: [postgres-password]
            volumes: ["db:/var/lib/postgresql/data"]
            healthcheck:
              test: ["CMD", "pg_isready", "-U", "knocknoc"]
              interval: 2s
              timeout: 2s
              retries: 30
            restart: unless-stopped

          web:
            image: knocknoc
            build: .
            user: "10001:10001"
            command: ["knocknoc", "serve", "--config", "/run/site/knocknoc.conf"]
            environment:
              # Where the file encryption-key is looked for.
              CREDENTIALS_DIRECTORY: /run/site
            ports: ["8756:8756"]
            volumes: ["./site:/run/site:ro", "web:/var/lib/knocknoc"]
            depends_on:
              db:
                condition: service_healthy
            healthcheck:
              test: ["CMD", "curl", "-fsk", "https://127.0.0.1:8756/health"]
              interval: 5s
              timeout: 3s
            # DrainSeconds, and what is under way then.
            stop_grace_period: 30s
            restart: unless-stopped
            read_only: true
            cap_drop: [ALL]
            security_opt: ["no-new-privileges:true"]

          agent:
            image: knocknoc
            command: ["knocknoc-agent", "run", "--config", "/run/agent/knocknoc.conf"]
            # It changes the packet filter of the machine itself.
            network_mode: host
            cap_drop: [ALL]
            cap_add: [NET_ADMIN]
            security_opt: ["no-new-privileges:true"]
            volumes: ["./agent:/run/agent:ro", "agent:/var/lib/knocknoc-agent"]
            depends_on: [web]
            restart: unless-stopped

        secrets:
          postgres-password:
            file: ./postgres.password

        volumes:
          db:
          web:
          agent:
        """

    /// A Nomad job of two web nodes.
    public static let nomad = """
        # knocknoc.nomad.hcl: two web nodes; PostgreSQL and the load balancer are elsewhere.
        # An agent belongs on the host whose firewall it drives, as a package: a job would leave the host before its guards.
        #
        # The image: see the Dockerfile in "knocknoc scaffold --compose". What is secret, once:
        #   nomad var put nomad/jobs/knocknoc database_url='postgres://…' encryption_key="$(knocknoc genkey)"

        job "knocknoc" {
          datacenters = ["dc1"]
          type        = "service"

          # One node after the other; a version that does not get healthy is taken back.
          update {
            max_parallel     = 1
            min_healthy_time = "30s"
            healthy_deadline = "2m"
            auto_revert      = true
          }

          group "web" {
            count = 2

            constraint {
              distinct_hosts = true
            }

            network {
              port "https" {
                to = 8756
              }
            }

            service {
              name = "knocknoc"
              port = "https"

              # 503 while it drains: the load balancer turns away before the node stops.
              check {
                name            = "health"
                type            = "http"
                protocol        = "https"
                tls_skip_verify = true
                path            = "/health"
                interval        = "5s"
                timeout         = "3s"
              }
            }

            task "serve" {
              driver = "docker"
              user   = "10001:10001"

              # SIGTERM drains for DrainSeconds, then ends what is under way.
              kill_timeout = "30s"

              config {
                image        = "knocknoc:latest"
                ports        = ["https"]
                command      = "knocknoc"
                args         = ["serve", "--config", "${NOMAD_SECRETS_DIR}/knocknoc.conf"]
                cap_drop     = ["all"]
                security_opt = ["no-new-privileges"]
              }

              env {
                CREDENTIALS_DIRECTORY = "${NOMAD_SECRETS_DIR}"
                KNOCKNOC_NODE_NAME    = "web-${NOMAD_ALLOC_INDEX}"
              }

              template {
                data = <<EOF
        {{ with nomadVar "nomad/jobs/knocknoc" }}DatabaseURL = {{ .database_url }}{{ end }}
        Listen = 0.0.0.0:8756
        TLSSelfSigned = true
        DataDir = {{ env "NOMAD_TASK_DIR" }}
        # What people type, and the load balancers whose X-Forwarded-For is believed.
        PublicURL = https://knocknoc.example
        TrustedForwarders = 127.0.0.1/32
        EOF
                destination   = "secrets/knocknoc.conf"
                uid           = 10001
                gid           = 10001
                perms         = "600"
                change_mode   = "signal"
                change_signal = "SIGHUP"
              }

              template {
                data          = "{{ with nomadVar \\"nomad/jobs/knocknoc\\" }}{{ .encryption_key }}{{ end }}"
                destination   = "secrets/encryption-key"
                uid           = 10001
                gid           = 10001
                perms         = "600"
                change_mode   = "restart"
              }

              resources {
                cpu    = 500
                memory = 128
              }
            }
          }
        }
        """
}
