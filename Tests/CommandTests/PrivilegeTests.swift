import Foundation
import Testing

@Suite("without a privilege", .enabled(if: geteuid() == 0, "needs root"))
struct PrivilegeTests {
    @Test("a verb names the capability that it lacks, before it has changed anything")
    func named() throws {
        let text = try World.run(
            #"""
            without() { local lost=$1; shift; setpriv --bounding-set=-$lost --inh-caps=-$lost "$@" 2>&1 >/dev/null || echo "exit $?"; }
            links() { ip -n web -d -o link; ip -n web -o -4 address; ip -br link | cut -d' ' -f1; iptables-save; cat /proc/sys/net/ipv4/ip_forward; }
            plan=$("$runcvm" net-plan --netns /run/netns/web 2>/dev/null)
            state=$("$runcvm" tap-create <<<"$plan"); links >/run/before
            host=$(jq -c '.container.netns = null | .network.mode = "host" | .network.host = {"tap": "tap0",
                "gateway": "169.254.100.1/30", "guest": "169.254.100.2/30", "firewall": "iptables-nft"}' <<<"$plan" | jq -c 'del(.container.netns)')
            without net_admin "$runcvm" tap-create <<<"$plan"
            without net_admin "$runcvm" tap-delete <<<"$state"
            without net_admin "$runcvm" bridge-alias <<<"$state"
            without net_admin "$runcvm" bridge-restore <<<"$state"
            without net_admin "$runcvm" nat-enable <<<"$host"
            without net_admin "$runcvm" nat-disable <<<"$host"
            without sys_admin "$runcvm" tap-create <<<"$plan"
            mkdir /run/bundle; echo '{"process": {"args": ["true"], "cwd": "/"}, "linux": {"namespaces": [{"type": "network"}]}}' >/run/bundle/config.json
            without chown "$runcvm" oci-adapt --id new --bundle /run/bundle
            links | diff /run/before - && [ ! -e /run/runcvm ] && echo nothing changed
            """#)
        #expect(
            text
                == """
                runcvm tap-create: needs CAP_NET_ADMIN to make tap-eth0; run as root
                exit 77
                runcvm tap-delete: needs CAP_NET_ADMIN to delete tap-eth0; run as root
                exit 77
                runcvm bridge-alias: needs CAP_NET_ADMIN to change eth0; run as root
                exit 77
                runcvm bridge-restore: needs CAP_NET_ADMIN to change eth0; run as root
                exit 77
                runcvm nat-enable: needs CAP_NET_ADMIN to change the firewall; run as root
                exit 77
                runcvm nat-disable: needs CAP_NET_ADMIN to change the firewall; run as root
                exit 77
                runcvm tap-create: network namespace /run/netns/web: entering it needs CAP_SYS_ADMIN; run as root
                exit 77
                runcvm oci-adapt: needs CAP_CHOWN to make the VM's root and jail; run as root
                exit 77
                nothing changed

                """)
    }
}
