/** Layout puts cards into columns, so that arrows lead from left to right. It is bounded: the map never has many cards. */

export interface Placed { x: number; y: number; column: number }
export interface Layout {
  at: Map<string, Placed>; width: number; height: number;
  /** through are the places between the cards that a long arrow leads through, by from and to with a space between. */
  through: Map<string, Placed[]>;
}

export interface Size { width: number; height: (id: string) => number; gapX: number; gapY: number }

/** columnsOf is the longest way to each card; arrows that close a circle do not count. */
function columnsOf(ids: string[], next: Map<string, string[]>): Map<string, number> {
  const column = new Map(ids.map((id) => [id, 0]));
  const state = new Map<string, "open" | "done">();
  const order: string[] = [];
  const visit = (id: string) => {
    state.set(id, "open");
    for (const to of next.get(id) ?? []) if (!state.has(to)) visit(to);
    state.set(id, "done");
    order.unshift(id);
  };
  for (const id of ids) if (!state.has(id)) visit(id);
  const rank = new Map(order.map((id, at) => [id, at]));
  for (const id of order) {
    for (const to of next.get(id) ?? []) {
      if (rank.get(to)! > rank.get(id)!) column.set(to, Math.max(column.get(to)!, column.get(id)! + 1));
    }
  }
  return column;
}

/** layout places the cards. Within a column they stand near those that they are joined with. */
export function layout(ids: string[], arrows: [string, string][], size: Size): Layout {
  const next = new Map<string, string[]>(), joined = new Map<string, string[]>();
  const push = (map: Map<string, string[]>, key: string, value: string) => map.set(key, [...(map.get(key) ?? []), value]);
  for (const [from, to] of arrows) if (from !== to) push(next, from, to);
  const column = columnsOf(ids, next);
  const columns: string[][] = [];
  for (const id of ids) (columns[column.get(id)!] ??= []).push(id);
  const gaps = new Map<string, string[]>();
  for (const [from, to] of arrows) {
    let last = from;
    for (let c = column.get(from)! + 1; c < column.get(to)!; c++) {
      const gap = `${from} ${to} ${c}`;
      columns[c]!.push(gap);
      push(gaps, `${from} ${to}`, gap);
      push(joined, last, gap);
      push(joined, gap, last);
      last = gap;
    }
    push(joined, last, to);
    push(joined, to, last);
  }
  sweep(columns, joined);
  const known = new Set(ids);
  const placed = place(columns, { ...size, height: (id) => (known.has(id) ? size.height(id) : 8) });
  const through = new Map([...gaps].map(([arrow, all]) => [arrow, all.map((gap) => placed.at.get(gap)!)]));
  return { ...placed, through };
}

function sweep(columns: string[][], joined: Map<string, string[]>): void {
  for (let round = 0; round < 8; round++) {
    const height = new Map<string, number>();
    for (const ids of columns) ids.forEach((id, at) => height.set(id, (at + 0.5) / ids.length));
    for (const ids of round % 2 ? [...columns].reverse() : columns) {
      const middle = (id: string) => {
        const near = joined.get(id) ?? [];
        return near.length ? near.reduce((sum, other) => sum + height.get(other)!, 0) / near.length : height.get(id)!;
      };
      const wanted = new Map(ids.map((id) => [id, middle(id)]));
      ids.sort((a, b) => wanted.get(a)! - wanted.get(b)! || (a < b ? -1 : 1));
      ids.forEach((id, at) => height.set(id, (at + 0.5) / ids.length));
    }
  }
}

function place(columns: string[][], size: Size): Omit<Layout, "through"> {
  const at = new Map<string, Placed>();
  const heights = columns.map((ids) => ids.reduce((sum, id) => sum + size.height(id) + size.gapY, -size.gapY));
  const height = Math.max(0, ...heights);
  columns.forEach((ids, column) => {
    let y = (height - heights[column]!) / 2;
    for (const id of ids) {
      at.set(id, { x: column * (size.width + size.gapX), y, column });
      y += size.height(id) + size.gapY;
    }
  });
  return { at, width: Math.max(0, columns.length * (size.width + size.gapX) - size.gapX), height };
}
