import KnocknocModel
import KnocknocStore
import Synchronization

/// Addresses that were to leave and have been seen again, written down by the sweeper: reading a session never writes.
final class SeenAddresses: Sendable {
    struct Place: Hashable, Sendable {
        var session: SessionID
        var address: IPAddress
    }

    private let places = Mutex<[Place: Timestamp]>([:])

    func note(_ address: IPAddress, of session: SessionID, at now: Timestamp) {
        places.withLock { $0[Place(session: session, address: address)] = now }
    }

    func drain() -> [Place: Timestamp] {
        places.withLock { places in
            defer { places = [:] }
            return places
        }
    }
}

extension Access {
    /// Notes that a request of the session came from there.
    public func note(_ session: Session, at client: ClientAddress) {
        guard case .address(let address) = client, let leavesAt = session.addresses[address]?.leavesAt else { return }
        let now = late
        // Written down at most every 15 s.
        guard leavesAt.milliseconds(since: now) < (options.addressGraceSeconds - 15) * 1000 else { return }
        seenAddresses.note(address, of: session.id, at: now)
    }

    /// Writes down which addresses have been seen again.
    func noteSeenAddresses() async throws {
        for (place, now) in seenAddresses.drain().sorted(by: { $0.value < $1.value }) {
            try await write { tx in
                try await tx.run(kept(place.address, of: place.session, at: now))
                return ((), Effects())
            }
        }
    }

    /// The address stays, and is what the others of its family give way to.
    func kept(_ address: IPAddress, of session: SessionID, at now: Timestamp) -> [Statement] {
        [
            SessionTable.lock(session), AddressTable.keep(address, of: session),
            AddressTable.replace(
                by: address, of: session, leavingAt: now.adding(seconds: options.addressGraceSeconds)),
            AddressTable.follow(address, of: session),
        ]
    }
}

extension [SessionAddress] {
    subscript(_ address: IPAddress) -> SessionAddress? { first { $0.address == address } }
}
