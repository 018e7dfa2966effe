import OCI

/// Host mode: one NIC on a tap in the host's namespace, behind masquerade.
struct HostModePlanner {
    let facts: Facts

    func plan(dns: DNSPlan) throws -> NetworkPlan {
        try checkConsent()
        let firewall = try firewall()
        let tap = nextTap()
        let (gateway, guest) = try nextSubnet()
        let nic = NIC(
            name: "eth0", tap: tap, guestMAC: try mac(of: guest), mtu: facts.host.uplink?.mtu ?? 1500,
            attach: Attachment(model: .nat), addresses: [guest], routes: [Route(to: "default", via: gateway.address)],
            aliasOmitted: "in host mode the host reaches the VM by its end of the tap")
        let host = HostPlan(
            tap: tap, gateway: gateway, guest: guest, uplink: facts.host.uplink?.dev, firewall: firewall)
        let warnings = facts.host.uplink == nil ? ["the host has no default route; the VM reaches the host only"] : []
        return NetworkPlan(mode: .host, nics: [nic], dns: dns, host: host, warnings: warnings)
    }

    private func checkConsent() throws {
        guard facts.container.capabilities.contains("CAP_NET_ADMIN") else {
            throw Failure(
                .privilege,
                "host mode changes the host's network and the container may not (CAP_NET_ADMIN); "
                    + "add --privileged or --cap-add NET_ADMIN")
        }
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
        let taken = Set((facts.host.links ?? []) + facts.links.map(\.name))
        var number = 0
        while taken.contains("tap\(number)") { number += 1 }
        return "tap\(number)"
    }

    /// The first /30 of 169.254.100.0/24 in which the host has no address: the host's end and the guest's.
    private func nextSubnet() throws -> (gateway: IPPrefix, guest: IPPrefix) {
        let taken = ((facts.host.addresses ?? []) + facts.links.flatMap(\.addresses)).map(\.address)
        for first in stride(from: UInt8(0), to: 255, by: 4) {
            guard let gateway = IPPrefix("169.254.100.\(first + 1)/30"),
                let guest = IPPrefix("169.254.100.\(first + 2)/30")
            else { break }
            if !taken.contains(where: gateway.contains) { return (gateway, guest) }
        }
        throw Failure(.unavailable, "all 64 networks of 169.254.100.0/24 are in use; stop a VM in host mode first")
    }

    /// A locally administered address that tells the guest's IPv4 address.
    private func mac(of guest: IPPrefix) throws -> MACAddress {
        guard let mac = MACAddress(bytes: [0x02, 0xfc] + guest.address.bytes) else {
            throw Failure(.bug, "host mode: \(guest) has no Ethernet address")
        }
        return mac
    }
}
