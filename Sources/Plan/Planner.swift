import OCI

/// From the facts of a container's network to the plan for its VM: a pure function.
public struct Planner {
    let facts: Facts

    /// Throws `Failure` of kind `usage`, `unavailable` or `privilege` where the container asks for what cannot be.
    public static func plan(_ facts: Facts) throws -> NetworkPlan {
        if facts.host.ipv6 == false { return try Planner(facts: facts.withoutIPv6 { _ in true }).plan() }
        // In host mode they are the host's.
        let links = facts.container.hostNetwork ? [] : facts.links.filter(Planner(facts: facts).isNIC)
        let small = links.filter(\.isTooSmallForIPv6).map(\.name)
        var plan = try Planner(facts: facts.withoutIPv6(on: small.contains)).plan()
        plan.warnings += small.map {
            "\($0): its MTU is less than the 1280 that IPv6 needs, so the VM has no IPv6 there; give its network a larger one"
        }
        return plan
    }

    /// The checks that need no network: which hypervisor and which mode the container asks for, and whether it may.
    public static func checkRequest(of container: ContainerFacts) throws {
        let planner = Planner(facts: Facts(container: container, links: [], routes: []))
        try planner.checkHypervisor()
        if try planner.requestedMode() == .host { try HostModePlanner.checkConsent(of: container) }
    }

    func plan() throws -> NetworkPlan {
        try checkHypervisor()
        let mode = try requestedMode()
        let dns = DNSPlan(resolvConf: facts.resolvConf, relay: facts.nameServers.filter(\.isLoopback))
        if mode == .host { return try HostModePlanner(facts: facts).plan(dns: dns) }
        let links = try nicLinks()
        if mode == .bridge, links.isEmpty {
            throw Failure(
                .unavailable,
                "network: RUNCVM_NETWORK_MODE=bridge, but the container has no network interface; "
                    + "give it a network (docker run --net=NAME) or leave the variable out")
        }
        if mode == NetworkPlan.Mode.none, !links.isEmpty {
            throw Failure(
                .usage, "RUNCVM_NETWORK_MODE=none, but the container has interface \(links[0].name); use --net=none")
        }
        let warnings = leftOut() + tooLarge(links) + multipath(links) + outOfOrder(links)
        guard !links.isEmpty else { return NetworkPlan(mode: .none, nics: [], dns: dns, warnings: warnings) }
        var names = LinkNames(taken: facts.links.map(\.name))
        var aliases = AliasPlanner(facts: facts)
        let owned = Set(links.flatMap(\.addresses).map(\.address))
        let nics = try links.map { try nic(for: $0, owned: owned, names: &names, aliases: &aliases) }
        return NetworkPlan(mode: .bridge, nics: nics, dns: dns, warnings: warnings)
    }

    // MARK: What the container asks for

    private func checkHypervisor() throws {
        guard let name = facts.container.variable("RUNCVM_HYPERVISOR"), name != "firecracker", !name.isEmpty else {
            return
        }
        throw Failure(.usage, "RUNCVM_HYPERVISOR=\(oneLine(name)): unknown hypervisor; the only one is firecracker")
    }

    /// What RUNCVM_NETWORK_MODE asks for; nil where it is not set. Host networking without consent is refused.
    private func requestedMode() throws -> NetworkPlan.Mode? {
        var mode: NetworkPlan.Mode?
        if let text = facts.container.variable("RUNCVM_NETWORK_MODE"), !text.isEmpty {
            guard let known = NetworkPlan.Mode(rawValue: text) else {
                throw Failure(.usage, "RUNCVM_NETWORK_MODE=\(oneLine(text)): unknown mode; use bridge, host or none")
            }
            mode = known
        }
        if facts.container.hostNetwork, mode != .host {
            throw Failure(
                .usage,
                "--net=host gives a VM the host's own network only by NAT; add -e RUNCVM_NETWORK_MODE=host to allow it")
        }
        if mode == .host, !facts.container.hostNetwork {
            throw Failure(
                .usage, "RUNCVM_NETWORK_MODE=host needs --net=host, and the container has a network of its own")
        }
        if try !HostModePlanner.ports(facts.container).isEmpty, mode != .host {
            throw Failure(
                .usage, "\(HostPort.variable) is for host mode; publish a container's ports by -p HOSTPORT:PORT")
        }
        return mode
    }

    // MARK: The interfaces

    /// The container's Ethernet interfaces that are in use, in numeric-aware order of their names.
    private func nicLinks() throws -> [LinkFact] {
        var names = LinkNames(taken: [])
        let taps = Set(facts.links.map { names.make(prefix: "tap-", name: $0.name) })
        // A port of a bridge, or, beside a macvlan, a tap with the name that it gets from us.
        if let tap = facts.links.first(where: { $0.kind == "tun" && ($0.master != nil || taps.contains($0.name)) }) {
            throw Failure(
                .unavailable,
                "this network namespace belongs to another VM already (its tap is \(tap.name)); "
                    + "--net=container:NAME cannot join a VM with a second one")
        }
        return facts.links.filter(isNIC).sorted { NumericOrder.precedes($0.name, $1.name) }
    }

    /// The names of the interfaces that a VM would have, whoever has made them.
    public static func interfaces(of facts: Facts) -> [String] {
        facts.links.filter(Planner(facts: facts).isNIC).map(\.name)
    }

    private func isNIC(_ link: LinkFact) -> Bool { link.carriesEthernet && isUsed(link) }

    private func isUsed(_ link: LinkFact) -> Bool {
        link.addresses.contains { !$0.address.isLinkLocalIPv6 }
            || facts.routes.contains { $0.dev == link.name && !RoutePlanner.isOfEveryLink($0) }
    }

    private func nic(for link: LinkFact, owned: Set<IPAddress>, names: inout LinkNames, aliases: inout AliasPlanner)
        throws -> NIC
    {
        guard let mac = link.mac else { throw Failure.badInput("links", "\(link.name) has no Ethernet address") }
        var seen: Set<IPPrefix> = []
        let addresses = link.addresses.filter { !$0.address.isLinkLocalIPv6 && seen.insert($0).inserted }
        let unrouted = addresses.filter { link.noPrefixRoute?.contains($0) == true }
        let routes = RoutePlanner.order(
            facts.routes.filter { $0.dev == link.name }, addresses: addresses.filter { !unrouted.contains($0) })
        let protocols = routes.map { $0.protocol ?? "boot" }
        let neighbors = facts.neighbors.filter { $0.dev == link.name }.map { Neighbor(ip: $0.ip, mac: $0.mac) }
        var nic = NIC(
            name: link.name, tap: names.make(prefix: "tap-", name: link.name), guestMAC: mac, mtu: link.mtu ?? 1500,
            attach: Attachment(model: .bridge, port: link.name), addresses: addresses,
            routes: routes.map { RoutePlanner.route($0, owned: owned) }, neighbors: neighbors.isEmpty ? nil : neighbors,
            arp: link.usesARP ? nil : false, noPrefixRoute: unrouted.isEmpty ? nil : unrouted,
            routeProtocols: protocols.allSatisfy { $0 == "boot" } ? nil : protocols)
        if let kind = link.kind, Self.redirectedKinds.contains(kind) {
            guard link.mode != "l3s" else {
                throw Failure(
                    .unavailable,
                    "\(link.name): ipvlan in mode l3s gives its packets to the container's own IP stack, so a VM cannot have "
                        + "them; make the network with -o ipvlan_mode=l3 or l2")
            }
            nic.attach.model = .tc
            nic.attach.allMulticast = link.allMulticast
            nic.aliasOmitted =
                "an interface of kind \(kind) keeps its own address; there is no bridge to carry an alias"
            return nic
        }
        nic.attach.bridge = names.make(prefix: "br-", name: link.name)
        nic.attach.portMAC = DerivedMAC.port(for: mac)
        let choice = aliases.alias(for: link)
        (nic.alias, nic.aliasOmitted) = (choice.alias, choice.omitted)
        return nic
    }

    /// No port of a bridge: a macvlan or ipvlan takes frames for its own address alone, and a bridge is no port.
    private static let redirectedKinds: Set<String> = ["macvlan", "macvtap", "ipvlan", "ipvtap", "bridge"]

    // MARK: The rest

    /// What the container has and the VM will not. The loopback is not among it: the guest has its own.
    private func leftOut() -> [String] {
        facts.links.compactMap { link in
            if link.name == "lo" || link.kind == "loopback" {
                let more = link.addresses.filter { !$0.address.isLoopback && !$0.address.isLinkLocalIPv6 }
                    .map(\.description)
                return more.isEmpty ? nil : "\(link.name): the VM does not get \(more.joined(separator: ", "))"
            }
            if !link.carriesEthernet, isUsed(link) {
                return "\(link.name): a link of kind \(link.kind ?? "device") without Ethernet; "
                    + "the VM gets neither its addresses nor its routes"
            }
            if link.carriesEthernet, !isUsed(link), link.master == nil, Self.givenKinds.contains(link.kind ?? "") {
                return "\(link.name): it has no address and no route; the VM does not get it"
            }
            return nil
        }
    }

    /// Kinds that an engine gives a container, and the kernel never by itself.
    private static let givenKinds: Set<String> = ["veth", "macvlan", "ipvlan", "netkit"]

    private func multipath(_ links: [LinkFact]) -> [String] {
        var seen: Set<String> = []
        let names = Set(links.map(\.name))
        let hops = facts.routes.filter { $0.weight != nil && names.contains($0.dev) }
        return hops.filter { seen.insert($0.to).inserted }.map {
            "route \($0.to): the VM uses the first of its next hops, and does not share traffic among them"
        }
    }

    /// Of IPv4 routes with one metric the first counts, and the interfaces' are set in the order of the interfaces.
    private func outOfOrder(_ links: [LinkFact]) -> [String] {
        let places = Dictionary(uniqueKeysWithValues: links.enumerated().map { ($1.name, $0) })
        var first: [String: (dev: String, place: Int)] = [:]
        return facts.routes.compactMap { route in
            guard let place = places[route.dev], route.weight == nil, !route.isIPv6 else { return nil }
            let key = "\(route.destination?.description ?? "default") metric \(route.metric ?? 0)"
            guard let known = first[key] else {
                first[key] = (route.dev, place)
                return nil
            }
            guard place < known.place else { return nil }
            first[key] = (route.dev, place)
            return "route \(key): the container uses \(known.dev)'s, the VM \(route.dev)'s; give them different metrics"
        }
    }

    private func tooLarge(_ links: [LinkFact]) -> [String] {
        guard let uplink = facts.host.uplink else { return [] }
        return links.filter { ($0.mtu ?? 1500) > uplink.mtu }.map { link in
            "\(link.name): its MTU \(link.mtu ?? 1500) is larger than the \(uplink.mtu) of the host's \(uplink.dev); "
                + "large packets to the outside may be lost"
        }
    }
}

/// Names with numbers in them as people count: eth2 before eth10.
enum NumericOrder {
    static func precedes(_ left: String, _ right: String) -> Bool {
        let (a, b) = (parts(left), parts(right))
        for (x, y) in zip(a, b) where x != y {
            if let m = Int(x), let n = Int(y), m != n { return m < n }
            return x < y
        }
        return a.count < b.count
    }

    /// Runs of digits and runs of anything else.
    private static func parts(_ text: String) -> [String] {
        var parts: [String] = []
        for character in text {
            if let last = parts.last?.last, last.isASCIIDigit == character.isASCIIDigit {
                parts[parts.count - 1].append(character)
            } else {
                parts.append(String(character))
            }
        }
        return parts
    }
}

/// Names for the links that we make: a prefix and the container's name, shortened to what the kernel takes.
struct LinkNames {
    private var taken: Set<String>

    init(taken: [String]) { self.taken = Set(taken) }

    /// The same facts give the same names: where one is too long or taken, a digest of the whole name stands at its end.
    mutating func make(prefix: String, name: String) -> String {
        var candidate = prefix + name
        var round: UInt32 = 0
        while candidate.utf8.count > LinkName.longest || taken.contains(candidate) {
            let digest = Digest.hex32(name, round: round)
            candidate = prefix + Self.cut(name, to: LinkName.longest - prefix.utf8.count - digest.utf8.count) + digest
            round += 1
        }
        taken.insert(candidate)
        return candidate
    }

    private static func cut(_ name: String, to bytes: Int) -> String {
        var short = ""
        for character in name where short.utf8.count + character.utf8.count <= bytes { short.append(character) }
        return short
    }
}

/// FNV-1a (draft-eastlake-fnv), for names that must be stable and are no secret.
public enum Digest {
    /// Four hexadecimal digits.
    static func hex32(_ text: String, round: UInt32) -> String {
        let folded = fnv1a64(text.utf8) &+ UInt64(round)
        let digits = String((folded ^ folded >> 32) & 0xffff, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }

    public static func fnv1a64(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
