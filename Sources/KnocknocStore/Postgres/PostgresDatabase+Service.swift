import KnocknocModel
import Logging

extension PostgresDatabase {
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.sampleClock() }
            group.addTask { try await self.tellOthers() }
            group.addTask { try await self.listen() }
            group.addTask { try await self.poll() }
            try await group.waitForAll()
        }
    }

    public func waitUntilReachable() async throws {
        var outage = Outage(logger)
        while true {
            do {
                try await sampleOnce()
                return outage.end()
            } catch let error as StoreError {
                outage.note(error)
                try await Task.sleep(for: .milliseconds(250))
            }
        }
    }

    // MARK: - The clock

    private func sampleClock() async throws {
        var outage = Outage(logger)
        while true {
            do {
                try await sampleOnce()
                outage.end()
                try await Task.sleep(for: .milliseconds(900))
            } catch let error as StoreError {
                outage.note(error)
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    private func sampleOnce() async throws {
        let connection = try await service.connection(until: .now + options.serviceTimeout)
        let sent = ContinuousClock.now
        do {
            let outcome = try await connection.run(
                [
                    Statement(
                        """
                        select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint) as now,
                            pg_is_in_recovery() as standby
                        """)
                ], until: .now + options.serviceTimeout)
            guard let row = try outcome.replies.first?.rows().first else { return }
            clock.take(try row.timestamp("now"), sent: sent)
            if try row.bool("standby") {
                throw StoreError(.unavailable, "\(connection.target.name) has become a standby", sqlState: "25006")
            }
        } catch {
            throw retire(error, connection)
        }
    }

    // MARK: - Telling other nodes

    private func tellOthers() async throws {
        while let event = await outbox.next() {
            var pending = outbox.drain() ?? PendingEvents()
            pending.add(event)
            do {
                try await tell(pending)
                // What comes meanwhile travels together.
                try await Task.sleep(for: .milliseconds(2))
            } catch is StoreError {
                for event in pending.events { outbox.put(event) }
                try await Task.sleep(for: .milliseconds(250))
            }
        }
        try Task.checkCancellation()
    }

    func tell(_ events: PendingEvents) async throws {
        try await notify(Notification(sender: sender, content: .events(events)))
    }

    /// Outside any grant's transaction, and without waiting for the disk: a hint is not worth it.
    private func notify(_ notification: Notification) async throws {
        let connection = try await service.connection(until: .now + options.serviceTimeout)
        do {
            _ = try await connection.run(
                [
                    Statement("select set_config('synchronous_commit', 'off', true)"),
                    Statement("select pg_notify('knocknoc', $1)", notification.text),
                ], until: .now + options.serviceTimeout)
        } catch {
            throw retire(error, connection)
        }
    }

    // MARK: - Hearing them

    /// Without a proven listener, subscribers compare everything four times a second.
    private func poll() async throws {
        while true {
            if !listening.isLive { hub.publish(.everything) }
            try await Task.sleep(for: .milliseconds(250))
        }
    }

    private func listen() async throws {
        var isTold = false
        while true {
            let ends = listening.ends
            var isPooled = false
            do { try await listenOnce(ends, &isPooled) } catch let error as StoreError {
                // That the database is away is told by the clock.
                if listening.isLive || !isTold && silence() < .seconds(2) {
                    let hint = isPooled ? " (a pooler stands between; ListenURL can name the way past it)" : ""
                    logger.warning("events by polling: \(error)\(hint)")
                    isTold = true
                }
            }
            // A pooler that hands out sessions carries LISTEN; another one will not learn to.
            let pause: Duration = isPooled && !listening.isLive ? .seconds(60) : .milliseconds(250)
            listening.set(live: false)
            let redirected = Latch()
            listening.onEnd(after: ends, redirected)
            _ = try await redirected.wait(within: pause)
        }
    }

    /// Throws when the connection is lost or proves deaf.
    private func listenOnce(_ ends: Int, _ isPooled: inout Bool) async throws {
        let lost = Latch()
        listening.onEnd(after: ends, lost)
        let connection = try await listener.connect(
            until: .now + options.serviceTimeout, onNotification: { [weak self] in self?.hear($0) },
            onClose: { lost.set() })
        defer { connection.close("listening ended") }
        isPooled = connection.isPooled
        _ = try await connection.run([Statement("listen knocknoc")], until: .now + options.serviceTimeout)
        while true {
            let nonce = String(UInt64.random(in: .min ... .max), radix: 36)
            let heard = listening.expect(nonce)
            try await notify(Notification(sender: sender, content: .nonce(nonce)))
            guard try await heard.wait(within: options.proofTimeout) else {
                // A pooler lends the session to others next.
                if isPooled {
                    _ = try? await connection.run(
                        [Statement("unlisten knocknoc")], until: .now + options.serviceTimeout)
                }
                throw StoreError(.unavailable, "the listening connection does not hear", sqlState: "08006")
            }
            if !listening.isLive {
                // What was missed meanwhile is unknown.
                listening.set(live: true)
                hub.publish(.reconnected)
            }
            if try await lost.wait(within: options.proofInterval) {
                throw StoreError(.unavailable, "the listening connection was lost", sqlState: "08006")
            }
        }
    }

    private func hear(_ payload: String) {
        guard let notification = Notification(payload) else { return }
        switch notification.content {
        case .nonce(let nonce): listening.heard(nonce)
        case .events(let events):
            guard notification.sender != sender else { return }
            for event in events.events { hub.publish(event) }
        }
    }
}
