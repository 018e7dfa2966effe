import HostNetwork
import Linux
import OCI
import Plan

/// Whether this host can give a VM its network.
struct NetworkFindings {
    let path: String

    func all() -> [Finding] { [bridge(), redirection(), firewall(), nameQueries(), forwarding()] }

    private func bridge() -> Finding {
        .of("taps and bridges") {
            try NetworkTrial.run(.bridge)
            return .ok("taps and bridges", "made in a namespace of their own")
        }
    }

    private func redirection() -> Finding {
        do {
            try NetworkTrial.run(.tc)
            return .ok("redirection", "made, for networks of macvlan and ipvlan")
        } catch {
            return .note("redirection", "no macvlan, no ipvlan: \(error)")
        }
    }

    private func firewall() -> Finding {
        .of("firewall") {
            let host = try HostFacts.live(forHostModeOn: path)
            let name = host.firewall ?? "none"
            if name == "none" {
                return .note("firewall", "neither iptables nor nft: no host mode", "apt-get install iptables")
            }
            let policy = host.forwardPolicy.map { ", policy of FORWARD \($0)" } ?? ""
            return .ok("firewall", "\(name)\(policy)")
        }
    }

    private func nameQueries() -> Finding {
        guard let nft = Files.findProgram("nft", path: path) else {
            return .note(
                "name queries", "nft not found: external names may not resolve on Docker's own networks",
                "apt-get install nftables")
        }
        return .ok("name queries", nft)
    }

    /// Neither must have a value: the one is set in host mode, the other asked by no packet of a VM.
    private func forwarding() -> Finding {
        .of("forwarding") {
            let forward = try NetworkTrial.setting("ip_forward") ?? "?"
            let filter = try NetworkTrial.setting("conf/all/rp_filter") ?? "?"
            let text = "net.ipv4.ip_forward is \(forward), rp_filter \(filter)"
            let isFixed = try HostFacts.live(forHostModeOn: path).ipForwardWritable == false
            guard forward == "0", isFixed else { return .ok("forwarding", text) }
            return .note(
                "forwarding", "\(text), and read-only: no host mode", "sysctl -w net.ipv4.ip_forward=1 on the host")
        }
    }
}
