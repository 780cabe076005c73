// Mojaloop's own libraries, asked by lines of JSON on standard input: one answer for each line.
'use strict';
process.env.MLST_LOG_LEVEL = 'error';
const fs = require('node:fs');
const readline = require('node:readline');
const yaml = require('js-yaml');
const { TransformFacades } = require('@mojaloop/ml-schema-transformer-lib');
const { Jws, Ilp } = require('@mojaloop/sdk-standard-components');

const DESCRIPTION = '@mojaloop/api-snippets/docs/fspiop-rest-v2.0-ISO20022-openapi3-snippets.yaml';

const silent = { isDebugEnabled: false, child: () => silent };
for (const level of ['debug', 'info', 'warn', 'error', 'verbose', 'silly', 'audit', 'trace']) silent[level] = () => {};

const calls = {
  transform: ({ from, message, source }) => {
    const [resource, method] = message.split('.');
    return TransformFacades[from][resource][method](source);
  },
  sign: ({ key, request }) => {
    new Jws.signer({ signingKey: key, logger: silent }).sign(request);
    return request;
  },
  verify: ({ keys, request }) => new Jws.validator({ validationKeys: keys, logger: silent }).validate(request),
  packet: ({ packet }) => {
    const ilp = Ilp.ilpFactory('v4', { secret: 'unused', logger: silent });
    const found = ilp.decodeIlpPacket(packet);
    return { ...found, executionCondition: found.executionCondition.toString('base64url'),
             data: found.data.toString('ascii'), terms: ilp.getTransactionObject(packet) };
  },
  makePacket: ({ secret, terms }) => Ilp.ilpFactory('v4', { secret, logger: silent }).getResponseIlp(terms),
  description: () => yaml.load(fs.readFileSync(`${process.env.NODE_PATH}/${DESCRIPTION}`, 'utf8')),
  fulfils: ({ fulfilment, condition }) =>
    Ilp.ilpFactory('v4', { secret: 'unused', logger: silent }).validateFulfil(fulfilment, condition),
};

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const { call, ...question } = JSON.parse(line);
  let answer;
  try {
    answer = { result: await calls[call](question) };
  } catch (error) {
    answer = { error: String(error.message) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
});
