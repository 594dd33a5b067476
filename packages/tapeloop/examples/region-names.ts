/**
 * @file Of which language is the name of a region? A bidirectional GRU reads the names of the world's countries and
 * regions in 20 languages, character by character, as this machine knows them (`Intl.DisplayNames`), and is asked for
 * names that it has not seen. A minute or two on one core:
 *
 *     pnpm example:region-names
 */
import {
  adam,
  chain,
  clipByGlobalNorm,
  earlyStopping,
  key,
  layers,
  padSequences,
  regionNames,
  type RegionName,
  sequential,
  type Tensor,
} from "tapeloop";

const { train, test, alphabet, languages } = regionNames(key(0));
console.log(`${train.length} names to learn from, ${test.length} held out`);

const steps = 32;

/** Names as symbols [B, T], and their languages. */
function data(names: readonly RegionName[]): { x: Tensor; y: number[] } {
  const symbols = names.map(({ symbols: all }) => all.slice(0, steps));
  const { xs } = padSequences(symbols, { length: steps });
  return { x: xs.transpose(), y: names.map(({ label }) => label) };
}

const model = sequential(
  [
    layers.embedding(alphabet.length, 24, { maskZero: true }),
    layers.bidirectional(layers.gru(64, { dropout: 0.1 })),
    layers.dropout(0.3),
    layers.dense(languages.length, { activation: "softmax" }),
  ],
  { inputShape: [steps] },
);
model.compile({
  loss: "sparseCategoricalCrossentropy",
  optimizer: chain(clipByGlobalNorm(1), adam({ learningRate: 0.004 })),
  metrics: ["accuracy"],
});
console.log(model.summary());

const [known, unknown] = [data(train), data(test)];
await model.fit(known.x, known.y, {
  epochs: Number(process.env["EPOCHS"] ?? 25),
  batchSize: 64,
  validationSplit: 0.1,
  callbacks: [earlyStopping({ monitor: "valAccuracy", patience: 4, restoreBestWeights: true })],
});

const { accuracy } = model.evaluate(unknown.x, unknown.y, { batchSize: 256 });
console.log(`\nheld-out accuracy: ${(100 * accuracy).toFixed(1)} %, of ${test.length} names`);

const asked = test.slice(0, 10);
const said = model.predict(data(asked).x).argmax().toArray() as number[];
asked.forEach(({ name, label }, i) => {
  const mark = said[i] === label ? " " : "✗";
  console.log(`  ${mark} ${name.padEnd(32)} ${languages[said[i]]}, is ${languages[label]}`);
});
