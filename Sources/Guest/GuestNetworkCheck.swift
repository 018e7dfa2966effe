import Netlink
import OCI
import Plan

/// net-check's other half, which runs in the guest: where the machine's own interfaces are not as the document says, a line
/// for each, with what would mend it. What the machine has besides is its own matter, but for addresses.
public struct GuestNetworkCheck {
    public private(set) var differences: [String] = []
    private let links: [Link]
    private let addresses: [LinkAddress]
    private let neighbors: [LinkNeighbor]

    /// Reads the calling thread's namespace, and changes nothing.
    public init(_ nics: [NIC]) throws {
        let socket = try NetlinkSocket()
        links = try socket.links()
        addresses = try socket.addresses()
        neighbors = try socket.neighbors()
        var interfaces: [GuestNetwork.Interface] = []
        for nic in nics {
            guard let link = links.first(where: { $0.name == nic.name }) else {
                add(nic.name, "missing; a program of the VM has renamed or deleted it")
                continue
            }
            interfaces.append(GuestNetwork.Interface(nic: nic, link: link))
            check(nic, link)
        }
        let routes = try socket.routes()
        for interface in interfaces {
            for route in interface.nic.routes where !routes.contains(LinkRoute(route, link: interface.link.index)) {
                let via = route.via.map { " via \($0)" } ?? ""
                add(
                    interface.nic.name,
                    "no route \(route.to)\(via); ip route add \(route.to)\(via) dev \(interface.nic.name)")
            }
        }
        let rules = try socket.rules()
        for reply in GuestNetwork.replies(interfaces) {
            let table = try socket.routes(table: reply.table)
            if reply.routes.allSatisfy(table.contains), reply.rules.allSatisfy(rules.contains) { continue }
            add(
                reply.nic.name,
                "its own table of routes is not whole (ip rule; ip route show table \(reply.table)), so replies may leave "
                    + "by another interface")
        }
    }

    private mutating func add(_ subject: String, _ what: String) { differences.append("\(subject): \(what)") }

    private mutating func check(_ nic: NIC, _ link: Link) {
        if link.address != nic.guestMAC.bytes {
            let found = link.mac.flatMap(MACAddress.init(bytes:))?.description ?? "none"
            add(nic.name, "MAC \(found), not \(nic.guestMAC); the network looks for the VM at that")
        }
        if link.mtu != nic.mtu {
            add(nic.name, "MTU \(link.mtu), not \(nic.mtu); ip link set \(nic.name) mtu \(nic.mtu)")
        }
        if !link.isUp { add(nic.name, "down; ip link set \(nic.name) up") }
        if link.usesARP != (nic.arp ?? true) {
            let wanted = nic.arp == false ? "off" : "on"
            add(nic.name, "ARP is not \(wanted); ip link set \(nic.name) arp \(wanted)")
        }
        let found = addresses.filter { $0.link == link.index }.compactMap { address in
            IPAddress(bytes: address.address).flatMap { IPPrefix(address: $0, length: Int(address.prefixLength)) }
        }
        for address in nic.addresses where !found.contains(address) {
            add(nic.name, "the address \(address) is missing; ip address add \(address) dev \(nic.name)")
        }
        for address in found where !nic.addresses.contains(address) && !address.address.isLinkLocalIPv6 {
            add(
                nic.name, "has the address \(address), of which the engine does not know; it may be another container's"
            )
        }
        for neighbor in nic.guestNeighbors {
            let entry = neighbors.first { $0.link == link.index && $0.address == neighbor.ip.bytes }
            guard entry?.mac != neighbor.mac.bytes else { continue }
            add(
                nic.name,
                "no permanent neighbour \(neighbor.ip) at \(neighbor.mac); "
                    + "ip neighbour replace \(neighbor.ip) lladdr \(neighbor.mac) dev \(nic.name) nud permanent")
        }
    }
}

extension [LinkRoute] {
    /// One to the same place by the same way; the kernel fills in the rest.
    fileprivate func contains(_ route: LinkRoute) -> Bool {
        contains {
            $0.isIPv6 == route.isIPv6 && $0.link == route.link && $0.destination == route.destination
                && $0.prefixLength == route.prefixLength && $0.gateway == route.gateway
        }
    }
}
