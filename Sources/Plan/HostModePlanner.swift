import OCI

/// Host mode: one NIC on a tap in the host's namespace, behind masquerade.
struct HostModePlanner {
    let facts: Facts

    func plan(dns: DNSPlan) throws -> NetworkPlan {
        try Self.checkConsent(of: facts.container)
        try checkForwarding()
        let firewall = try firewall()
        let ports = try Self.ports(facts.container)
        try checkFree(ports)
        let tap = nextTap()
        let (gateway, guest) = try nextSubnet()
        let nic = NIC(
            name: "eth0", tap: tap, guestMAC: try mac(of: guest), mtu: uplink?.mtu ?? 1500,
            attach: Attachment(model: .nat), addresses: [guest], routes: [Route(to: "default", via: gateway.address)],
            aliasOmitted: "in host mode the host reaches the VM by its end of the tap")
        let host = HostPlan(
            tap: tap, gateway: gateway, guest: guest, uplink: uplink?.dev, firewall: firewall,
            ports: ports.isEmpty ? nil : ports)
        let warnings = uplink == nil ? ["the host has no default route; the VM reaches the host only"] : []
        return NetworkPlan(mode: .host, nics: [nic], dns: dns, host: host, warnings: warnings)
    }

    /// Where nobody says: the interface of the best default route, which is the host's own.
    private var uplink: HostFacts.Uplink? {
        if let known = facts.host.uplink { return known }
        let ways = facts.routes.filter { $0.destination == nil && !$0.isIPv6 && $0.dev != "lo" }
        return ways.min { $0.metric ?? 0 < $1.metric ?? 0 }.map { way in
            HostFacts.Uplink(dev: way.dev, mtu: facts.links.first { $0.name == way.dev }?.mtu ?? 1500)
        }
    }

    /// Host mode changes the host's network: the container must be one that may.
    static func checkConsent(of container: ContainerFacts) throws {
        guard container.capabilities.contains("CAP_NET_ADMIN") else {
            throw Failure(
                .privilege,
                "host mode changes the host's network and the container may not (CAP_NET_ADMIN); "
                    + "add --privileged or --cap-add NET_ADMIN")
        }
    }

    static func ports(_ container: ContainerFacts) throws -> [HostPort] {
        guard let text = container.variable(HostPort.variable), !text.isEmpty else { return [] }
        return try HostPort.list(text)
    }

    private func checkFree(_ ports: [HostPort]) throws {
        for other in facts.host.reserved ?? [] {
            let taken = (other.ports ?? []).first { theirs in
                ports.contains { $0.host == theirs.host && $0.protocol == theirs.protocol }
            }
            guard let taken else { continue }
            throw Failure(
                .unavailable,
                "\(HostPort.variable): port \(taken.host)/\(taken.protocol.rawValue) leads to the VM on \(other.tap) "
                    + "already; choose another, or stop that VM")
        }
    }

    private func checkForwarding() throws {
        guard facts.host.ipForward ?? true || facts.host.ipForwardWritable ?? true else {
            throw Failure(
                .privilege,
                "net.ipv4.ip_forward is 0 and read-only; run with --privileged, or set it on the host: "
                    + "sysctl -w net.ipv4.ip_forward=1")
        }
    }

    private func firewall() throws -> String {
        switch facts.host.firewall ?? "iptables-nft" {
        case "none":
            throw Failure(.unavailable, "iptables not found, nor nft; host mode needs one: apt-get install iptables")
        case "both": return "iptables-nft"
        case let known where ["iptables-nft", "iptables-legacy", "nft"].contains(known): return known
        case let other:
            throw Failure.badInput(
                "host.firewall", "\(quoted(other)) is not iptables-nft, iptables-legacy, both, nft or none")
        }
    }

    private func nextTap() -> String {
        if let kept = facts.host.kept { return kept.tap }
        let reserved = (facts.host.reserved ?? []).map(\.tap)
        let taken = Set((facts.host.links ?? []) + facts.links.map(\.name) + reserved)
        var number = 0
        while taken.contains("tap\(number)") { number += 1 }
        return "tap\(number)"
    }

    /// The first /30 of 169.254.100.0/24 in which the host has neither an address nor a route: the host's end and the guest's.
    private func nextSubnet() throws -> (gateway: IPPrefix, guest: IPPrefix) {
        if let gateway = facts.host.kept?.gateway {
            guard let guest = Self.guest(behind: gateway) else {
                throw Failure.badInput("host.kept.gateway", "\(gateway) is not the first host address of an IPv4 /30")
            }
            return (gateway, guest)
        }
        let reserved = (facts.host.reserved ?? []).map(\.gateway)
        let routed = facts.routes.compactMap(\.destination).filter { $0.length >= 30 }
        let taken = ((facts.host.addresses ?? []) + facts.links.flatMap(\.addresses) + reserved + routed).map(\.address)
        for first in stride(from: UInt8(0), to: 255, by: 4) {
            guard let gateway = IPPrefix("169.254.100.\(first + 1)/30"), let guest = Self.guest(behind: gateway) else {
                break
            }
            if !taken.contains(where: gateway.contains) { return (gateway, guest) }
        }
        throw Failure(.unavailable, "all 64 networks of 169.254.100.0/24 are in use; stop a VM in host mode first")
    }

    /// The other host address of an IPv4 /30.
    private static func guest(behind gateway: IPPrefix) -> IPPrefix? {
        guard !gateway.address.isIPv6, gateway.length == 30, let last = gateway.address.bytes.last, last % 4 == 1 else {
            return nil
        }
        return IPAddress(bytes: gateway.address.bytes.dropLast() + [last + 1]).flatMap {
            IPPrefix(address: $0, length: 30)
        }
    }

    /// A locally administered address that tells the guest's IPv4 address.
    private func mac(of guest: IPPrefix) throws -> MACAddress {
        guard let mac = MACAddress(bytes: [0x02, 0xfc] + guest.address.bytes) else {
            throw Failure(.bug, "host mode: \(guest) has no Ethernet address")
        }
        return mac
    }
}
