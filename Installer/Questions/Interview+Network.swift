import KnocknocModel
import KnocknocToolkit

extension Interview {
    func listenQuestion() -> Question {
        let (existing, checks) = (existing, checks)
        return Question(
            id: .listen, prompt: "Listen on IP:PORT",
            standard: existing.listen?.description ?? "127.0.0.1:8756",
            help: [
                "Where this web node takes connections. 127.0.0.1:8756 suits a reverse proxy on this machine;",
                "0.0.0.0:8756 (or [::]:8756, both families) lets a load balancer or people on other machines in.",
            ],
            flag: "--listen"
        ) { text, answers in
            guard let listen = ListenAddress(text), listen.port > 0 else {
                throw Refusal(
                    "\"\(text)\" is not IP:PORT", "For example 127.0.0.1:8756, 0.0.0.0:8756 or [::]:8756.",
                    isUsage: true)
            }
            // Where our own service listens is ours to keep.
            let isOurs = existing.isRunning && existing.listen?.port == listen.port
            if !isOurs, let obstacle = await checks.listen(listen) { throw Refusal(obstacle) }
            answers.listen = listen
            return []
        }
    }

    func forwardersQuestion() -> Question {
        let (existing, checks) = (existing, checks)
        return Question(
            id: .forwarders,
            preamble: [
                "",
                "A proxy or load balancer in front says in X-Forwarded-For who a person is; that address is opened, so",
                "name every proxy, and nobody else. Without a proxy the default is right.",
            ],
            prompt: "TrustedForwarders", standard: existing.value("TrustedForwarders") ?? "127.0.0.1/32",
            help: [
                "Networks, separated by commas, as 192.0.2.10/32,2001:db8::10/128; none believes nobody.",
                "Whoever is in one of them chooses the address that is opened: give single hosts. It can be changed",
                "later in \(layout.configuration), followed by systemctl reload knocknoc.",
            ],
            flag: "--trusted-forwarders"
        ) { text, answers in
            if text.lowercased() == "none" {
                answers.forwarders = "none"
                return []
            }
            var networks: [CIDR] = []
            for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
                do throws(ModelError) { networks.append(try CIDR(parsing: String(part))) } catch {
                    throw Refusal(
                        error.message, "Networks separated by commas, such as 192.0.2.10/32, or none.",
                        isUsage: true)
                }
            }
            guard !networks.isEmpty else {
                throw Refusal("no network was given", "For nobody at all, answer none.", isUsage: true)
            }
            if let any = networks.first(where: { $0.length == 0 }) {
                throw Refusal(
                    "\(any) would let anybody choose the address that is opened",
                    "Give your proxies' addresses; AllowAnyForwarder in the configuration is for networks of their own.",
                    isUsage: true
                )
            }
            let own = Set(checks.ownNames())
            answers.forwarders = networks.map(\.description).joined(separator: ",")
            return networks.compactMap { network in
                if network.length < network.address.family.bits {
                    return "Note: every host in \(network) is believed; single hosts are safer."
                }
                let address = network.address
                return own.contains(address.description)
                    ? "Note: \(address) is this machine itself; it is opened for nobody." : nil
            }
        }
    }

    /// Only where others reach the listener: passwords do not travel in the clear.
    func certificateQuestion(_ answers: Answers) -> Question? {
        guard let listen = answers.listen, !listen.isLoopback, !existing.hasTLS else { return nil }
        let checks = checks
        return Question(
            id: .certificate,
            preamble: [
                "", "\(listen) is reached from other machines, and passwords travel to it.",
            ],
            prompt: "Serve https, with a certificate that is made here? (yes, no)", standard: "yes",
            help: [
                "yes: the server makes a certificate for this machine's names and prints its fingerprint, which agents",
                "and load balancers can pin. A certificate of your own: --tls-certificate FILE --tls-key FILE.",
                "no: plain HTTP; people can sign in through a trusted forwarder that speaks https to them, only.",
            ],
            flag: "--tls-self-signed or --no-tls-self-signed"
        ) { text, answers in
            switch text.lowercased() {
            case "yes", "y", "true":
                let extra = answers.listen.map { [$0.host] } ?? []
                let names = (checks.ownNames() + extra).filter { IPAddress($0)?.isUnspecified != true }
                var seen: Set<String> = []
                answers.certificate = .selfSigned(names: names.filter { seen.insert($0).inserted })
                return []
            case "no", "n", "false":
                answers.certificate = Answers.Certificate.none
                return ["Note: without a proxy that speaks https in front, nobody but this machine can sign in."]
            default: throw Refusal("\"\(text)\" is neither yes nor no")
            }
        }
    }

    func publicURLQuestion(_ answers: Answers) -> Question {
        let known = existing.value("PublicURL")
        return Question(
            id: .publicURL, preamble: [""],
            prompt: "Address that people type, as https://HOST[:PORT]", standard: known ?? "none",
            shownStandard: known ?? "none, this machine's own addresses",
            help: [
                "The name of the portal, which is the load balancer's where there is one. Requests for other names are",
                "refused, so that no foreign name can be pointed at it. It is PublicURL in the configuration.",
            ],
            flag: "--public-url"
        ) { text, answers in
            if text.lowercased() == "none" {
                answers.publicURL = "none"
                return []
            }
            guard let origin = WebOrigin(text) else {
                throw Refusal(
                    "\"\(text)\" is not https://HOST[:PORT]", "For example https://knock.example.com",
                    isUsage: true)
            }
            answers.publicURL = origin.description
            return origin.secure ? [] : ["Note: over http:// passwords can be read on the way."]
        }
    }
}

extension ListenAddress {
    var isLoopback: Bool { host == "localhost" || IPAddress(host)?.isLoopback == true }
}
