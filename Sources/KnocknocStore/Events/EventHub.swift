import Synchronization

/// Hands each event to every subscriber of this process.
final class EventHub: Sendable {
    private struct Subscriber {
        weak var mailbox: EventMailbox?
    }

    private let subscribers = Mutex<[Subscriber]>([])

    func subscribe() -> AsyncStream<StoreEvent> {
        let mailbox = EventMailbox()
        subscribers.withLock { list in
            list.removeAll { $0.mailbox == nil }
            list.append(Subscriber(mailbox: mailbox))
        }
        return AsyncStream(unfolding: { await mailbox.next() }, onCancel: { mailbox.close() })
    }

    func publish(_ event: StoreEvent) {
        for subscriber in subscribers.withLock({ $0 }) { subscriber.mailbox?.put(event) }
    }
}
