import Testing

extension LabTests {
    /// A network `lan` behind the link `trunk`: the peer 10.61.0.1 there knows outside.test, as 203.0.113.1.
    @Suite("macvlan and ipvlan")
    struct RedirectTests {
        private func lan(_ body: () throws -> Void) throws {
            try Lab.sh(
                """
                ip netns add lan
                ip link add trunk type veth peer name end netns lan
                ip link set trunk up; ip addr add 10.61.0.9/24 dev trunk
                ip -n lan link set lo up; ip -n lan link set end up; ip -n lan addr add 203.0.113.1/32 dev lo
                ip -n lan addr add 10.61.0.1/24 dev end; ip -n lan addr add fd61::1/64 dev end nodad
                ip -n lan route add 10.63.0.0/24 via 10.61.0.9; ip -n internet route add 10.63.0.0/24 via 203.0.113.2
                for n in 10 20; do
                    ip -n lan link add end.$n link end type vlan id $n; ip -n lan link set end.$n up
                    ip -n lan addr add 10.62.$n.1/24 dev end.$n
                done
                ip netns exec lan dnsmasq --conf-file=/dev/null --no-resolv --no-hosts --user=root --pid-file=/run/lan.pid \
                    --listen-address=203.0.113.1 --bind-interfaces --local=/#/ --host-record=outside.test,203.0.113.1
                """)
            try body()
            try Lab.sh(
                """
                kill $(cat /run/lan.pid); ip link del trunk; ip netns del lan; ip -n internet route del 10.63.0.0/24
                """)
        }

        /// Starts a VM that pings these addresses, asks for names, and serves its name. Returns what it said.
        private func serve(_ name: String, _ options: String, pings: String, runtime: String = "runcvm") throws
            -> String
        {
            try Lab.sh(
                """
                docker run -d --name \(name) --hostname \(name) --runtime=\(runtime) \(options) busybox:local sh -c \
                    'mkdir /www; hostname >/www/index.html; ip -o link; ip -o addr; ip route
                    for a in \(pings); do ping -c 1 -W 10 $a >/dev/null && echo pong $a; done
                    nslookup outside.test; nslookup \(name); echo up; exec httpd -f -p 80 -h /www' >/dev/null
                for i in $(seq 300); do docker logs \(name) 2>&1 | grep -qx up && break; sleep 0.2; done
                docker logs \(name)
                """)
        }

        private func inspect(_ name: String, _ network: String, _ field: String = "IPAddress") throws -> String {
            try Lab.sh("docker inspect -f '{{.NetworkSettings.Networks.\(network).\(field)}}' \(name)")
        }

        private func get(_ address: String, from place: String = "ip netns exec lan curl -sS -g -m 10") throws -> String
        {
            try Lab.sh("\(place) http://\(address)/")
        }

        private func expect(
            _ text: String, _ words: [String], sourceLocation: SourceLocation = #_sourceLocation
        ) {
            for word in words { #expect(text.contains(word), "\(text)", sourceLocation: sourceLocation) }
        }

        @Test(
            "on a macvlan it has the container's MAC and both addresses, reaches the network and is reached, with DNS")
        func macvlan() throws {
            try lan {
                let before = try Lab.traces()
                try Lab.sh(
                    """
                    docker network create -d macvlan -o parent=trunk --ipv6 --subnet 10.61.0.0/24 --gateway 10.61.0.1 \
                        --subnet fd61::/64 --gateway fd61::1 lan >/dev/null
                    """)
                let log = try serve("mac", "--net lan --ip 10.61.0.77", pings: "10.61.0.1 fd61::1")
                let v6 = try inspect("mac", "lan", "GlobalIPv6Address")
                expect(
                    log,
                    [
                        try inspect("mac", "lan", "MacAddress"), "inet 10.61.0.77/24", "inet6 \(v6)/64",
                        "default via 10.61.0.1 dev eth0", "pong 10.61.0.1", "pong fd61::1", "Address: 203.0.113.1",
                        "Address: 10.61.0.77",
                    ])
                #expect(try get("10.61.0.77") == "mac")
                #expect(try get("[\(v6)]") == "mac")
                try Lab.sh("docker rm -f mac >/dev/null; docker network rm lan >/dev/null")
                #expect(try Lab.traces() == before)
            }
        }

        @Test("on two ipvlans that share their parent's MAC each interface is the right one, and neighbours reach it")
        func ipvlanL2() throws {
            try lan {
                let before = try Lab.traces()
                for n in [10, 20] {
                    try Lab.sh(
                        """
                        docker network create -d ipvlan -o parent=trunk.\(n) --subnet 10.62.\(n).0/24 \
                            --gateway 10.62.\(n).1 v\(n) >/dev/null
                        """)
                }
                _ = try serve("near", "--net v10", pings: "10.62.10.1", runtime: "runc")
                let near = try inspect("near", "v10")
                let log = try serve("two", "--net v10 --net v20", pings: "10.62.10.1 10.62.20.1 \(near)")
                let addresses = (try inspect("two", "v10"), try inspect("two", "v20"))
                let mac = try Lab.sh("cat /sys/class/net/trunk/address")
                expect(
                    log,
                    [
                        "eth0    inet \(addresses.0)/24", "eth1    inet \(addresses.1)/24", "pong 10.62.10.1",
                        "pong 10.62.20.1", "pong \(near)", "Address: \(addresses.0)",
                    ])
                #expect(log.split(separator: "\n").filter { $0.contains("link/ether \(mac) ") }.count == 2, "\(log)")
                #expect(try get(addresses.0) == "two")
                #expect(try get(addresses.1) == "two")
                #expect(try get(addresses.0, from: "docker exec near wget -q -T 10 -O-") == "two")
                try Lab.sh("docker rm -f two near >/dev/null; docker network rm v10 v20 >/dev/null")
                #expect(try Lab.traces() == before)
            }
        }

        @Test("on an ipvlan in mode l3 it speaks no ARP, and is reached by way of the host; l3s is refused by name")
        func ipvlanL3() throws {
            try lan {
                let before = try Lab.traces()
                let create = "docker network create -d ipvlan -o parent=trunk --subnet 10.63.0.0/24 -o ipvlan_mode"
                try Lab.sh("\(create)=l3s three >/dev/null")
                let refused = try Lab.docker("--net three busybox:local true")
                #expect(refused.status != 0)
                expect(refused.errors, ["eth0", "l3s", "ipvlan_mode=l3"])
                try Lab.sh("docker network rm three >/dev/null; \(create)=l3 three >/dev/null")
                _ = try serve("near", "--net three", pings: "10.61.0.1", runtime: "runc")
                let near = try inspect("near", "three")
                let log = try serve("routed", "--net three", pings: "10.61.0.1 \(near)")
                let address = try inspect("routed", "three")
                expect(
                    log,
                    [
                        "NOARP", "inet \(address)/24", "default dev eth0", "pong 10.61.0.1", "pong \(near)",
                        "Address: 203.0.113.1", "Address: \(address)",
                    ])
                #expect(try get(address) == "routed")
                #expect(try get(address, from: "docker exec near wget -q -T 10 -O-") == "routed")
                try Lab.sh("docker rm -f routed near >/dev/null; docker network rm three >/dev/null")
                #expect(try Lab.traces() == before)
            }
        }

        @Test("without one kernel module it takes another that does the same, and without all it names what is missing")
        func modules() throws {
            let outcome = try Lab.run(
                """
                ip netns add k; ip link add name below type veth peer name end; ip link set below up
                ip link add link below name eth0 netns k type macvlan mode bridge
                ip -n k addr add 10.65.0.2/24 dev eth0; ip -n k link set eth0 up
                try() {
                    for m in "$@"; do echo "install $m /bin/false"; done >/etc/modprobe.d/blocked.conf
                    rmmod cls_matchall cls_u32 act_mirred sch_ingress 2>/dev/null
                    runcvm net-plan --netns /run/netns/k | runcvm tap-create >taps
                    runcvm bridge-alias <taps 2>&1 >joined | sed 's/;.*//'
                    echo "${PIPESTATUS[0]} $(jq -r '.bridges[0].classifier // empty' joined)"
                    runcvm bridge-restore <taps | runcvm tap-delete >/dev/null
                    tc -n k qdisc show dev eth0 | grep -v noqueue; ip -n k link show tap-eth0 2>/dev/null
                }
                cd $(mktemp -d)
                try; try cls_u32; try cls_u32 cls_matchall; try act_mirred; try sch_ingress
                rm /etc/modprobe.d/blocked.conf; ip netns del k; ip link del below
                """)
            let missing =
                "runcvm bridge-alias: eth0: the kernel has no classifier u32 or matchall, or no action mirred"
            #expect(
                outcome.lines == [
                    "0 u32", "0 matchall", missing, "69 ", missing, "69 ",
                    "runcvm bridge-alias: eth0: the kernel has no ingress qdisc", "69 ",
                ], "\(outcome.text)\(outcome.errors)")
        }
    }
}
