import { Empty, Filter, Head } from "./parts";
import { overview, route } from "../state";
import { counted, refWords } from "../words";

const weight = { Error: 0, Warning: 1, Info: 2 };

export function Findings() {
  const { findings } = overview.value!;
  const word = (route.value.query.get("filter") ?? "").toLowerCase();
  const rows = findings
    .filter((f) => `${f.severity} ${f.check} ${refWords(f.object)} ${f.message}`.toLowerCase().includes(word))
    .sort((a, b) => weight[a.severity] - weight[b.severity]);
  if (!findings.length) return <><Head title="Findings" /><Empty title="Nothing was found"><p>No policy and no object of Istio has a mistake that is known here.</p></Empty></>;
  const n = (severity: string) => findings.filter((f) => f.severity === severity).length;
  return (
    <>
      <Head title="Findings" about={`${counted(n("Error"), "error")}, ${counted(n("Warning"), "warning")}, ${counted(n("Info"), "note")}.`}><Filter label="Filter findings" /></Head>
      <ul class="items">
        {rows.map((f, at) => (
          <li key={at} class="item">
            <h2><span class={`severity severity-${f.severity}`}>{f.severity}</span>{refWords(f.object)}<code class="state">{f.check}</code></h2>
            <p>{f.message}</p>
            {f.remedy && <p class="remedy">{f.remedy}</p>}
            {(f.field || f.place) && <p class="muted small">{f.field && <code>{f.field}</code>} {f.place && `${f.place.file}:${f.place.line}`}</p>}
          </li>
        ))}
      </ul>
      {!rows.length && <Empty title="No finding fits the filter" />}
    </>
  );
}
