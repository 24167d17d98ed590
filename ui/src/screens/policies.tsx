import { Empty, Filter, Head } from "./parts";
import { overview, route } from "../state";
import { counted } from "../words";

export function Policies() {
  const { policies, source } = overview.value!;
  const word = (route.value.query.get("filter") ?? "").toLowerCase();
  const rows = policies.filter((p) => `${p.namespace}/${p.name} ${p.target} ${p.accepts} ${p.sends} ${p.reason}`.toLowerCase().includes(word));
  if (!policies.length) return <><Head title="Policies" /><Empty title="There are no MeshTLSPolicies"><p>{source.noPolicies ? "The cluster does not know the kind." : "Open a workload and choose Change to get one."}</p></Empty></>;
  return (
    <>
      <Head title="Policies" about={`${counted(policies.length, "MeshTLSPolicy", "MeshTLSPolicies")}, ${policies.filter((p) => p.ready === "True").length} ready.`}><Filter label="Filter policies" /></Head>
      <ul class="items">
        {rows.map((p) => (
          <li key={p.namespace + "/" + p.name} class="item">
            <h2><span class="muted">{p.namespace}/</span>{p.name}<span class={`state ${p.ready === "True" ? "" : "strong"}`}>{p.ready === "True" ? "Ready" : p.reason || "Not looked at"}</span></h2>
            <dl class="facts">
              {p.target && <><dt>Target</dt><dd>{p.target}</dd></>}
              {p.accepts && <><dt>Accepts</dt><dd>{p.accepts}</dd></>}
              {p.sends && <><dt>Sends</dt><dd>{p.sends}</dd></>}
              {p.managedBy && <><dt>Managed by</dt><dd>{p.managedBy}</dd></>}
              {p.objects && <><dt>Writes</dt><dd class="muted">{p.objects.join(", ")}</dd></>}
            </dl>
            {p.ready !== "True" && <p>{p.message || "The operator has not looked at the policy. Check that it runs and watches the namespace."}</p>}
          </li>
        ))}
      </ul>
      {!rows.length && <Empty title="No policy fits the filter" />}
    </>
  );
}
